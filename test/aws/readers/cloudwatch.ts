import { DescribeAlarmsCommand, GetDashboardCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { type Readers, unlessDefault } from "./reader.ts";

export const cloudWatchReaders: Readers = {
  async "AWS::Logs::LogGroup"({ logs }, logGroupNamePrefix) {
    const { logGroups: [group] = [] } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix }));
    return {
      properties: { LogGroupName: group?.logGroupName, RetentionInDays: group?.retentionInDays },
      arn: group?.arn,
    };
  },

  async "AWS::CloudWatch::Alarm"({ cloudWatch }, name) {
    const { MetricAlarms: [alarm] = [] } = await cloudWatch.send(new DescribeAlarmsCommand({ AlarmNames: [name] }));
    const { AlarmArn, AlarmConfigurationUpdatedTimestamp: _, ActionsEnabled, ...rest } = alarm ?? {};
    const settings = Object.entries(rest).filter(([key]) => !key.startsWith("State"));
    const enabled = unlessDefault({ ActionsEnabled }, { ActionsEnabled: true });
    return { properties: { ...Object.fromEntries(settings), ...enabled }, arn: AlarmArn };
  },

  async "AWS::CloudWatch::Dashboard"({ cloudWatch }, DashboardName) {
    const found = await cloudWatch.send(new GetDashboardCommand({ DashboardName }));
    return { properties: { DashboardName: found.DashboardName, DashboardBody: found.DashboardBody } };
  },
};
