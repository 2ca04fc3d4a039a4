import { GetScheduleCommand, GetScheduleGroupCommand } from "@aws-sdk/client-scheduler";
import { type Readers, unlessDefault } from "./reader.ts";

export const schedulerReaders: Readers = {
  async "AWS::Scheduler::ScheduleGroup"({ scheduler }, name) {
    const { Name, Arn } = await scheduler.send(new GetScheduleGroupCommand({ Name: name }));
    return { properties: { Name }, arn: Arn };
  },

  async "AWS::Scheduler::Schedule"({ scheduler }, name, { GroupName: group }) {
    const found = await scheduler.send(new GetScheduleCommand({ Name: name, GroupName: String(group) }));
    const { Name, GroupName, ScheduleExpression, FlexibleTimeWindow, Target, State } = found;
    const properties = { Name, GroupName, ScheduleExpression, FlexibleTimeWindow, Target };
    return { properties: { ...properties, ...unlessDefault({ State }, { State: "ENABLED" }) } };
  },
};
