import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateScheduleCommand, CreateScheduleGroupCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { delayQueueMs } from "../functions/wake/timing.ts";
import { detailTypes, wakeSource } from "../functions/wake/wake.ts";
import type { AwsEndpoint } from "./aws/endpoint.ts";
import type { SqsQueue } from "./aws/sqs-queue.ts";

/** Names and timeouts of the deployment, the same as on AWS. */
export const names = {
  table: "tailwake-tasks",
  bus: "tailwake",
  scheduleGroup: "tailwake",
  wakes: "tailwake-wakes",
  delay: "tailwake-delay",
  quarantined: "tailwake-quarantine",
  deadLetters: "tailwake-dead-letters",
} as const;

/** The lazy function's timeout; longer work hands over. */
export const lazyTimeoutMs = 120_000;
/**
 * How much longer than that messages stay invisible: after a killed invocation they become visible once its lease has
 * ended (rule 7).
 */
const visibilityMarginMs = 15_000;
const receivesBeforeDeadLetter = 5;

export interface Deployment {
  readonly busArn: string;
  readonly scheduleRoleArn: string;
  readonly wakes: SqsQueue;
  readonly delay: SqsQueue;
  /** Quarantine queue: delivers one message at a time, for tasks that have killed invocations. */
  readonly quarantined: SqsQueue;
  readonly deadLetters: SqsQueue;
}

export interface ClientSettings {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Creates the bus and its rules, the queues, the schedule group and the schedule of the tick. */
export async function deploy(
  aws: AwsEndpoint,
  settings: ClientSettings,
  visibilityMs = lazyTimeoutMs + visibilityMarginMs,
): Promise<Deployment> {
  const deadLetters = aws.sqs.createQueue(names.deadLetters);
  const queue = (name: string, delayMs: number) =>
    aws.sqs.createQueue(name, {
      VisibilityTimeout: String(visibilityMs / 1000),
      DelaySeconds: String(delayMs / 1000),
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: deadLetters.arn,
        maxReceiveCount: receivesBeforeDeadLetter,
      }),
    });
  const wakes = queue(names.wakes, 0);
  const delay = queue(names.delay, delayQueueMs);
  const quarantined = queue(names.quarantined, 0);
  const { arn: busArn } = aws.eventBridge.createBus(names.bus);
  const arn = (service: string, resource: string) => `arn:aws:${service}:${aws.region}:${aws.account}:${resource}`;
  const scheduleRoleArn = `arn:aws:iam::${aws.account}:role/tailwake-schedules`;

  const functionArn = (name: string) => arn("lambda", `function:${name}`);
  const [events, scheduler] = [new EventBridgeClient(settings), new SchedulerClient(settings)];
  try {
    await routeWakes(events, {
      wakes: wakes.arn,
      delay: delay.arn,
      quarantined: quarantined.arn,
      deadLetters: deadLetters.arn,
      signals: functionArn("signals"),
      eager: functionArn("eager"),
    });
    await scheduler.send(new CreateScheduleGroupCommand({ Name: names.scheduleGroup }));
    await scheduler.send(
      new CreateScheduleCommand({
        Name: "tick",
        GroupName: names.scheduleGroup,
        ScheduleExpression: "rate(1 minute)",
        FlexibleTimeWindow: { Mode: "OFF" },
        Target: { Arn: functionArn("cron"), RoleArn: scheduleRoleArn, Input: "{}" },
      }),
    );
  } finally {
    events.destroy();
    scheduler.destroy();
  }
  return { busArn, scheduleRoleArn, wakes, delay, quarantined, deadLetters };
}

/** The ARNs of the bus's targets: queues, and the functions with a leader. */
export type WakeTargets = Readonly<
  Record<"wakes" | "delay" | "quarantined" | "deadLetters" | "signals" | "eager", string>
>;

/** Creates the rules of an existing bus: each detail type has one target. */
export async function routeWakes(events: EventBridgeClient, to: WakeTargets): Promise<void> {
  const route = async (Name: string, types: readonly string[], arn: string) => {
    const EventPattern = JSON.stringify({ source: [wakeSource], "detail-type": types });
    await events.send(new PutRuleCommand({ Name, EventBusName: names.bus, EventPattern }));
    await events.send(
      new PutTargetsCommand({
        Rule: Name,
        EventBusName: names.bus,
        Targets: [{ Id: "target", Arn: arn, DeadLetterConfig: { Arn: to.deadLetters } }],
      }),
    );
  };
  await route("wakes", [detailTypes.signal, detailTypes.wake], to.wakes);
  await route("delayed-wakes", [detailTypes.delayedWake], to.delay);
  await route("quarantined-wakes", [detailTypes.quarantinedWake], to.quarantined);
  await route("hold-signals", [detailTypes.holdSignals], to.signals);
  await route("hold-eager", [detailTypes.holdEager], to.eager);
}
