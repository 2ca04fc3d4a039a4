import {
  DescribeEventBusCommand,
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
} from "@aws-sdk/client-eventbridge";
import { detailTypes, wakeSource } from "tailwake/operate";
import { check, type Finding, Fix, is } from "./check.ts";

export interface BusFindings {
  readonly findings: readonly Finding[];
  /** ARNs of the queues that are targets of its rules. */
  readonly queues: readonly string[];
}

/** The functions with a leader that the app needs. */
export interface Leaders {
  readonly signals: boolean;
  readonly eager: boolean;
}

/** Checks the bus, and that each kind of event has an enabled rule with a target. */
export async function checkBus(busArn: string, leaders: Leaders): Promise<BusFindings> {
  const client = new EventBridgeClient({});
  const name = busArn.slice(busArn.lastIndexOf("/") + 1);
  const queues = new Set<string>();
  try {
    const findings = await Promise.all([
      check("bus", "events:DescribeEventBus", async () => {
        await client.send(new DescribeEventBusCommand({ Name: name }));
        return name;
      }),
      check("rules of the bus", "events:ListRules and events:ListTargetsByRule", () =>
        checkRules(client, name, leaders, queues),
      ),
    ]);
    return { findings, queues: [...queues] };
  } finally {
    client.destroy();
  }
}

async function checkRules(
  client: EventBridgeClient,
  bus: string,
  leaders: Leaders,
  queues: Set<string>,
): Promise<string> {
  const { Rules = [] } = await client.send(new ListRulesCommand({ EventBusName: bus }));
  const needed = [
    detailTypes.signal,
    detailTypes.wake,
    detailTypes.delayedWake,
    detailTypes.quarantinedWake,
    ...(leaders.signals ? [detailTypes.holdSignals] : []),
    ...(leaders.eager ? [detailTypes.holdEager] : []),
  ];
  for (const type of needed) {
    const rules = Rules.filter(({ EventPattern }) => takes(EventPattern, type));
    const rule = rules.find(({ State }) => State === "ENABLED");
    if (!rule)
      throw new Fix(`no enabled rule matches ${type}: ${rules[0]?.Name ? `enable ${rules[0].Name}` : "deploy"}`);
    const { Targets = [] } = await client.send(new ListTargetsByRuleCommand({ EventBusName: bus, Rule: rule.Name }));
    is(Targets.length > 0, `rule ${rule.Name}, for ${type}, has no target: deploy`);
    for (const { Arn = "", DeadLetterConfig } of Targets) {
      if (Arn.includes(":sqs:")) queues.add(Arn);
      if (DeadLetterConfig?.Arn) queues.add(DeadLetterConfig.Arn);
    }
  }
  return `${needed.length} kinds of events have a rule`;
}

function takes(pattern: string | undefined, type: string): boolean {
  try {
    const { source, "detail-type": types } = Object(JSON.parse(pattern ?? "{}"));
    return Array.isArray(source) && source.includes(wakeSource) && Array.isArray(types) && types.includes(type);
  } catch {
    return false;
  }
}
