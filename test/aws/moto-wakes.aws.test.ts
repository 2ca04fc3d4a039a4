import { CreateEventBusCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import {
  CreateScheduleGroupCommand,
  GetScheduleCommand,
  type GetScheduleCommandOutput,
  ListSchedulesCommand,
  SchedulerClient,
} from "@aws-sdk/client-scheduler";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../functions/foundation/clock.ts";
import { type BusEvent, decodeBusEvent, ownMessage } from "../../functions/wake/envelope.ts";
import { EventBridgeAlarms } from "../../functions/wake/eventbridge.ts";
import { maxDelayMs } from "../../functions/wake/timing.ts";
import { encodeDetail, type TaskWake, type WakeMessage } from "../../functions/wake/wake.ts";
import { names, routeWakes, type WakeTargets } from "../../local/deployment.ts";
import { testWakesNow, type WakesWorld } from "../wake/wakes.suite.ts";
import { startMoto, type ToolServer } from "./tools.ts";

/*
 * Differences of moto from AWS: its time cannot be moved and its Scheduler never fires, so the tests read the definition
 * of a schedule. The queues here have no delay, and a queue stands in for each function with a leader.
 */

let moto: ToolServer;
beforeAll(async () => {
  moto = await startMoto();
});
afterAll(() => moto?.close());

interface MotoWorld extends WakesWorld {
  readonly alarms: EventBridgeAlarms;
  readonly busArn: string;
  readonly scheduleRoleArn: string;
  /** Receives and deletes the events of one target of the bus. */
  received(target: keyof WakeTargets): Promise<readonly BusEvent[]>;
  schedules(): Promise<readonly GetScheduleCommandOutput[]>;
}

/** The adapter with the SDK's own clients, against moto with everything deployed; closed with the test. */
async function start(): Promise<MotoWorld> {
  // Resets all services.
  const reset = await fetch(`${moto.url}/moto-api/reset`, { method: "POST" });
  expect(await reset.json()).toEqual({ status: "ok" });
  const settings = {
    endpoint: moto.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const clients = { events: new EventBridgeClient(settings), scheduler: new SchedulerClient(settings) };
  const sqs = new SQSClient(settings);
  onTestFinished(() => {
    for (const client of [clients.events, clients.scheduler, sqs]) client.destroy();
  });
  const { EventBusArn: busArn = "" } = await clients.events.send(new CreateEventBusCommand({ Name: names.bus }));
  const queue = async (QueueName: string) => {
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName }));
    const attributes = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] });
    const { Attributes } = await sqs.send(attributes);
    return { url: QueueUrl, arn: Attributes?.QueueArn ?? "" };
  };
  const targets = {
    wakes: await queue(names.wakes),
    delay: await queue(names.delay),
    quarantined: await queue(names.quarantined),
    deadLetters: await queue(names.deadLetters),
    signals: await queue("signals"),
    eager: await queue("eager"),
  };
  const arns = Object.fromEntries(Object.entries(targets).map(([name, { arn }]) => [name, arn]));
  await routeWakes(clients.events, arns as WakeTargets);
  await clients.scheduler.send(new CreateScheduleGroupCommand({ Name: names.scheduleGroup }));
  const scheduleRoleArn = "arn:aws:iam::123456789012:role/tailwake-schedules";
  const alarms = new EventBridgeAlarms(
    clients,
    { busName: names.bus, busArn, scheduleGroup: names.scheduleGroup, scheduleRoleArn },
    systemClock,
  );
  async function received(target: keyof WakeTargets) {
    const QueueUrl = targets[target].url;
    const events: BusEvent[] = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      if (Messages.length === 0) return events;
      for (const { Body, ReceiptHandle } of Messages) {
        events.push(decodeBusEvent(Body));
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
  }
  return {
    alarms,
    clock: systemClock,
    busArn,
    scheduleRoleArn,
    received,
    take: async () => messagesIn([...(await received("wakes")), ...(await received("delay"))]),
    async schedules() {
      const GroupName = names.scheduleGroup;
      const { Schedules = [] } = await clients.scheduler.send(new ListSchedulesCommand({ GroupName }));
      return Promise.all(
        Schedules.map(({ Name }) => clients.scheduler.send(new GetScheduleCommand({ GroupName, Name }))),
      );
    },
  };
}

const messagesIn = (events: readonly BusEvent[]): WakeMessage[] =>
  events.flatMap((event) => {
    const message = ownMessage(event);
    return message ? [message] : [];
  });

const key = { entity: 'a "b" \\ <c> ä 🦆\n/@', kind: "order", activity: "ship" };
const timer: TaskWake = { class: "timer", key, fence: 7 };

describe("the alarm clocks on moto", () => {
  testWakesNow(start);

  it.each([1_000, maxDelayMs])("send a wake that is %i ms away to the delay queue, with its time", async (ms) => {
    const { alarms, received } = await start();
    const at = systemClock.now() + ms;
    await alarms.sendAt(timer, at);
    expect(messagesIn(await received("delay"))).toEqual([{ ...timer, notBefore: at }]);
    expect(await received("wakes")).toEqual([]);
  });

  it("send a task that has killed invocations to the queue whose messages are delivered one at a time", async () => {
    const { alarms, received } = await start();
    await alarms.sendQuarantined(timer);
    expect(messagesIn(await received("quarantined"))).toEqual([timer]);
    expect(await received("wakes")).toEqual([]);
  });

  it.each([
    ["signals", "signals", "eager"],
    ["eager-0-of-1", "eager", "signals"],
  ] as const)("start the function that holds streams: %s", async (leader, target, other) => {
    const { alarms, received } = await start();
    await alarms.startLeader(leader);
    expect((await received(target)).map(({ detail }) => detail)).toEqual([{ holder: leader }]);
    expect(await received(other)).toEqual([]);
  });

  // moto refuses a call of more than ten entries, as AWS does.
  it("put ten events in a call", async () => {
    const { alarms, received } = await start();
    const signals = Array.from({ length: 11 }, (_, n): WakeMessage => ({ class: "signal", entity: `entity-${n}` }));
    await alarms.send(signals);
    expect(await received("wakes")).toHaveLength(11);
    expect(await received("deadLetters")).toEqual([]);
  });

  describe("for a wake more than a minute away", () => {
    it("make a one-time schedule that sends the wake to the bus, as this role, and deletes itself", async () => {
      const { alarms, busArn, scheduleRoleArn, received, schedules } = await start();
      const at = Date.UTC(2101, 0, 1, 0, 1, 30, 500);
      await alarms.sendAt(timer, at);
      expect(await schedules()).toEqual([
        expect.objectContaining({
          Name: expect.stringMatching(/^[0-9a-f]{40}-7$/),
          GroupName: names.scheduleGroup,
          State: "ENABLED",
          ScheduleExpression: "at(2101-01-01T00:01:33)",
          ScheduleExpressionTimezone: "UTC",
          FlexibleTimeWindow: { Mode: "OFF" },
          ActionAfterCompletion: "DELETE",
          Target: expect.objectContaining({
            Arn: busArn,
            RoleArn: scheduleRoleArn,
            EventBridgeParameters: { Source: "tailwake", DetailType: "Wake" },
            Input: encodeDetail({ ...timer, notBefore: at }),
          }),
        }),
      ]);
      for (const queue of ["wakes", "delay"] as const) expect(await received(queue)).toEqual([]);
    });

    it("take a schedule of the same name for theirs, and make another under another fence", async () => {
      const { alarms, schedules } = await start();
      const at = systemClock.now() + 2 * maxDelayMs;
      await alarms.sendAt(timer, at);
      await expect(alarms.sendAt(timer, at)).resolves.toBeUndefined();
      expect(await schedules()).toHaveLength(1);
      await alarms.sendAt({ ...timer, fence: 8 }, at);
      expect(await schedules()).toHaveLength(2);
    });
  });
});
