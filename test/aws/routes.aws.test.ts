import {
  DescribeRuleCommand,
  type EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  type PutEventsCommand,
} from "@aws-sdk/client-eventbridge";
import { GetFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { GetScheduleCommand, ListSchedulesCommand } from "@aws-sdk/client-scheduler";
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type QueueAttributeName,
  ReceiveMessageCommand,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../functions/foundation/clock.ts";
import { type AppSettings, appSettings, readSettings } from "../../functions/settings.ts";
import type { Alarms } from "../../functions/wake/alarms.ts";
import { DirectSignals } from "../../functions/wake/direct-signals.ts";
import { decodeBusEvent, ownMessage } from "../../functions/wake/envelope.ts";
import { EventBridgeAlarms } from "../../functions/wake/eventbridge.ts";
import type { Signal, TaskWake, WakeClass, WakeMessage } from "../../functions/wake/wake.ts";
import { cloudFormation } from "../../infra/index.ts";
import { compileEventPattern, type EventPattern } from "../../local/aws/event-pattern.ts";
import { connectServices, type Services } from "./services.ts";
import { deployStack, type Stack } from "./stack.ts";
import { startMoto, type ToolServer } from "./tools.ts";

const queues = ["WakeQueue", "QuarantineQueue", "DeadLetterQueue"] as const;
const key = { entity: "e", kind: "order", activity: "ship" };
const timer: TaskWake = { class: "timer", key, fence: 7 };
const hourMs = 3_600_000;

const messages: { readonly [C in WakeClass]: WakeMessage } = {
  start: { class: "start", key, fence: 0 },
  signal: { class: "signal", key },
  child: { class: "child", key },
  operator: { class: "operator", key },
  probe: { class: "probe", key },
  timer,
  handOver: { class: "handOver", key, fence: 3 },
  rescue: { class: "rescue", key },
};
const signal: Signal = { class: "signal", entity: "e", kind: "order" };

/** An event that the code sends: its name, its target resource, its content, and how it is sent. */
type Sending = readonly [what: string, to: string, message: unknown, send: (alarms: Alarms) => Promise<void>];

const late = { ...timer, notBefore: expect.any(Number) };
const sendings: readonly Sending[] = [
  ...Object.values(messages).map(
    (message): Sending => [
      `a wake of class ${message.class}`,
      "WakeQueue",
      message,
      (alarms) => alarms.send([message]),
    ],
  ),
  ["a signal", "WakeQueue", signal, (alarms) => alarms.send([signal])],
  ["a wake whose time has come", "WakeQueue", late, (alarms) => alarms.sendAt(timer, systemClock.now() - 1)],
  ["a wake that is to come soon", "DelayQueue", late, (alarms) => alarms.sendAt(timer, systemClock.now() + 30_000)],
  ["a wake of a task that has killed invocations", "QuarantineQueue", timer, (alarms) => alarms.sendQuarantined(timer)],
  ["the start of the signals' leader", "SignalsLambdaFunction", undefined, (alarms) => alarms.startLeader("signals")],
  ["the start of an eager leader", "EagerLambdaFunction", undefined, (alarms) => alarms.startLeader("eager-1-of-3")],
];

interface Rule {
  readonly name: string;
  readonly matches: EventPattern;
  readonly targets: readonly string[];
}

interface Envelope {
  readonly source: string;
  readonly "detail-type": string;
  readonly detail: object;
}

let moto: ToolServer;
let services: Services;
let stack: Stack;
let rules: readonly Rule[];
/** As the signals function reads them: all settings, with the queue of direct signals. */
let settings: AppSettings;
beforeAll(async () => {
  moto = await startMoto();
  services = connectServices(moto.url);
  const signalEvents = { source: ["orders"], "detail-type": ["OrderChanged"] };
  const template = cloudFormation({
    settings: { name: "orders", signalsGo: "direct", eagerShards: 3, signalEvents },
    include: ["signals", "eager", "own-signals"],
    code: (name) => ({ S3Bucket: "code", S3Key: `${name}.zip` }),
  });
  stack = await deployStack(services, "orders", template);
  rules = await rulesOf(stack.physicalId("Bus"));
  const FunctionName = stack.physicalId("SignalsLambdaFunction");
  const { Environment } = await services.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  settings = readSettings(Environment?.Variables ?? {}, appSettings);
});
afterAll(async () => {
  services?.close();
  await moto?.close();
});
async function rulesOf(EventBusName: string): Promise<Rule[]> {
  const { Rules = [] } = await services.events.send(new ListRulesCommand({ EventBusName }));
  return Promise.all(
    Rules.map(async ({ Name = "" }) => {
      const { EventPattern = "" } = await services.events.send(new DescribeRuleCommand({ Name, EventBusName }));
      const { Targets = [] } = await services.events.send(new ListTargetsByRuleCommand({ Rule: Name, EventBusName }));
      return { name: Name, matches: compileEventPattern(EventPattern), targets: Targets.map(({ Arn = "" }) => Arn) };
    }),
  );
}

/** The targets to which the deployed rules send an event. */
const targetsOf = (event: Envelope): string[] =>
  rules.flatMap(({ matches, targets }) => (matches({ ...event }) ? targets : []));

/** The port Alarms of the deployed functions. Records the events put on the bus, and sends them on if `goesOn`. */
function deployedWakes(put: Envelope[], goesOn: boolean): Alarms {
  const events = {
    async send(command: PutEventsCommand) {
      const { Entries = [] } = command.input;
      for (const { Source = "", DetailType = "", Detail = "", EventBusName } of Entries) {
        expect(EventBusName).toBe(stack.physicalId("Bus"));
        put.push({ source: Source, "detail-type": DetailType, detail: JSON.parse(Detail) });
      }
      return goesOn
        ? services.events.send(command)
        : { FailedEntryCount: 0, Entries: Entries.map(() => ({ EventId: "1" })) };
    },
  } as unknown as EventBridgeClient;
  const busArn = settings.TAILWAKE_BUS_ARN;
  return new EventBridgeAlarms(
    { events, scheduler: services.scheduler },
    {
      busName: busArn.slice(busArn.lastIndexOf("/") + 1),
      busArn,
      scheduleGroup: settings.TAILWAKE_SCHEDULE_GROUP,
      scheduleRoleArn: settings.TAILWAKE_SCHEDULE_ROLE_ARN,
    },
    systemClock,
  );
}

/** Receives and deletes the messages of the queues without a delay. */
async function take(): Promise<Record<string, unknown>> {
  const taken: Record<string, unknown> = {};
  for (const id of queues) {
    const QueueUrl = stack.physicalId(id);
    const { Messages = [] } = await services.sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    for (const { ReceiptHandle } of Messages) {
      await services.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
    if (Messages.length > 0) taken[id] = Messages.map(({ Body }) => ownMessage(decodeBusEvent(Body)));
  }
  return taken;
}

/** Number of messages in the delay queue, visible or not. */
async function delayed(): Promise<number> {
  const AttributeNames: QueueAttributeName[] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"];
  const command = new GetQueueAttributesCommand({ QueueUrl: stack.physicalId("DelayQueue"), AttributeNames });
  const { Attributes = {} } = await services.sqs.send(command);
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}

describe("the deployed rules", () => {
  it.each(sendings)("send %s to just one place: %s", async (_, to, message, send) => {
    const put: Envelope[] = [];
    // moto delivers only to queues.
    const isForQueue = to.endsWith("Queue");
    const before = await delayed();
    await send(deployedWakes(put, isForQueue));
    expect(put).toHaveLength(1);
    expect(put.flatMap(targetsOf)).toEqual([stack.arn(to)]);
    expect((await delayed()) - before).toBe(to === "DelayQueue" ? 1 : 0);
    expect(await take()).toEqual(isForQueue && to !== "DelayQueue" ? { [to]: [message] } : {});
  });

  it("send what a one-time schedule puts on the bus to the queue of the wakes", async () => {
    await deployedWakes([], true).sendAt(timer, systemClock.now() + hourMs);
    expect(await take()).toEqual({});
    const GroupName = stack.physicalId("ScheduleGroup");
    const { Schedules = [] } = await services.scheduler.send(new ListSchedulesCommand({ GroupName }));
    const [Name, ...more] = Schedules.map(({ Name }) => Name).filter((name) => name !== "tick");
    expect(more).toEqual([]);
    const { Target } = await services.scheduler.send(new GetScheduleCommand({ GroupName, Name }));
    expect(Target).toMatchObject({ Arn: stack.arn("Bus"), RoleArn: stack.arn("ScheduleRole") });
    const { Source = "", DetailType = "" } = Target?.EventBridgeParameters ?? {};
    const event = { source: Source, "detail-type": DetailType, detail: JSON.parse(Target?.Input ?? "") };
    expect(targetsOf(event)).toEqual([stack.arn("WakeQueue")]);
  });

  it("are each needed for something that is sent", async () => {
    const put: Envelope[] = [];
    for (const [, , , send] of sendings) await send(deployedWakes(put, false));
    put.push({ source: "orders", "detail-type": "OrderChanged", detail: {} });
    expect(rules.filter(({ matches }) => !put.some((event) => matches({ ...event }))).map(({ name }) => name)).toEqual(
      [],
    );
    expect(rules).toHaveLength(6);
  });

  it("send the signals of the user's own services to the queue of the wakes, and nothing else that is not Tailwake's", () => {
    const own = { source: "orders", "detail-type": "OrderChanged", detail: {} };
    expect(targetsOf(own)).toEqual([stack.arn("WakeQueue")]);
    expect(targetsOf({ ...own, source: "tailwake" })).toEqual([]);
    expect(targetsOf({ ...own, source: "shop", "detail-type": "Wake" })).toEqual([]);
  });
});

describe("the short cut for signals", () => {
  it("puts them into the deployed queue of the wakes, without the bus", async () => {
    const put: Envelope[] = [];
    const url = settings.TAILWAKE_SIGNAL_QUEUE_URL ?? expect.fail("no queue");
    const alarms = new DirectSignals(deployedWakes(put, true), url, systemClock, Math.random, async () => services.sqs);
    await alarms.send([signal]);
    expect(put).toEqual([]);
    expect(await take()).toEqual({ WakeQueue: [signal] });
  });
});
