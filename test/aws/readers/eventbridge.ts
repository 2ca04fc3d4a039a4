import { DescribeEventBusCommand, DescribeRuleCommand, ListTargetsByRuleCommand } from "@aws-sdk/client-eventbridge";
import { type Readers, unlessDefault } from "./reader.ts";

export const eventReaders: Readers = {
  async "AWS::Events::EventBus"({ events }, Name) {
    const bus = await events.send(new DescribeEventBusCommand({ Name }));
    return { properties: { Name: bus.Name }, arn: bus.Arn };
  },

  async "AWS::Events::Rule"({ events }, Name, { EventBusName: bus }) {
    const EventBusName = String(bus);
    const rule = await events.send(new DescribeRuleCommand({ Name, EventBusName }));
    const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: Name, EventBusName }));
    const EventPattern = JSON.parse(String(rule.EventPattern));
    const properties = { Description: rule.Description, EventBusName: rule.EventBusName, EventPattern, Targets };
    return {
      properties: { ...properties, ...unlessDefault({ State: rule.State }, { State: "ENABLED" }) },
      arn: rule.Arn,
    };
  },
};
