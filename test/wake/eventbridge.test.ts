import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { decodeBusEvent, ownMessage } from "../../functions/wake/envelope.ts";
import { EventBridgeWakes } from "../../functions/wake/eventbridge.ts";
import { encodeDetail, type TaskWake, type WakeMessage } from "../../functions/wake/wake.ts";
import { type AwsEndpoint, startAwsEndpoint } from "../../local/aws/endpoint.ts";
import { type Deployment, deploy, names } from "../../local/deployment.ts";
import { settle, TestClock } from "../support/test-clock.ts";
import { distinct, type TimedWakesWorld, testWakes } from "./wakes.suite.ts";

interface AwsWorld extends TimedWakesWorld {
  readonly aws: AwsEndpoint;
  readonly deployment: Deployment;
  readonly wakes: EventBridgeWakes;
  /** The details of the entries of each PutEvents call that reached the service. */
  readonly calls: (string | undefined)[][];
  /** How long the adapter waited each time, in milliseconds. */
  readonly waits: number[];
}

/** The adapter with the SDK's own clients, against the services as they are deployed; ended with the test. */
async function start(): Promise<AwsWorld> {
  const clock = new TestClock();
  const aws = await startAwsEndpoint({ clock });
  const settings = {
    endpoint: aws.url,
    region: aws.region,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const clients = { events: new EventBridgeClient(settings), scheduler: new SchedulerClient(settings) };
  onTestFinished(async () => {
    clients.events.destroy();
    clients.scheduler.destroy();
    await aws.close();
    expect(clock.sleeping).toBe(0);
  });
  const deployment = await deploy(aws, settings);
  const { busArn, scheduleRoleArn } = deployment;
  const waits: number[] = [];
  const sleep = (ms: number, signal?: AbortSignal) => {
    waits.push(ms);
    return clock.sleep(ms, signal);
  };
  const wakes = new EventBridgeWakes(
    clients,
    { busName: names.bus, busArn, scheduleGroup: names.scheduleGroup, scheduleRoleArn },
    { now: () => clock.now(), sleep },
    () => 0.5,
  );
  const calls: AwsWorld["calls"] = [];
  const putEvents = aws.eventBridge.putEvents.bind(aws.eventBridge);
  vi.spyOn(aws.eventBridge, "putEvents").mockImplementation((entries) => {
    calls.push(entries.map(({ detail }) => detail));
    return putEvents(entries);
  });
  /** As the lazy function's two event sources. */
  async function take() {
    const taken: WakeMessage[] = [];
    for (const queue of [deployment.wakes, deployment.delay]) {
      for (;;) {
        const received = await queue.receive({ max: 10, waitMs: 0 });
        if (received.length === 0) break;
        for (const { body, receiptHandle } of received) {
          const message = ownMessage(decodeBusEvent(body));
          if (message) taken.push(message);
          queue.delete(receiptHandle);
        }
      }
    }
    return taken;
  }
  return { aws, deployment, wakes, calls, waits, clock, take };
}

const key = { entity: "entity-1", kind: "order", activity: "ship" };
const signals = (count: number) =>
  Array.from({ length: count }, (_, n): WakeMessage => ({ class: "signal", entity: `entity-${n}` }));
const details = (messages: readonly WakeMessage[]) => messages.map(encodeDetail);

/** Lets time pass for as long as `work` waits for it. */
async function passingTime(clock: TestClock, work: Promise<unknown>): Promise<void> {
  const others = clock.sleeping;
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  const over = work.then(end, end);
  while (!isOver) {
    if (clock.sleeping > others) await clock.advance(10);
    else await settle();
  }
  await over;
}

describe("the alarm clocks on AWS", () => {
  testWakes(start);

  it("put ten events in a call", async () => {
    const { wakes, calls } = await start();
    const messages = signals(25);
    await wakes.send(messages);
    expect(calls).toEqual([
      details(messages.slice(0, 10)),
      details(messages.slice(10, 20)),
      details(messages.slice(20)),
    ]);
  });

  it("make no call for no messages", async () => {
    const { wakes, calls } = await start();
    await wakes.send([]);
    expect(calls).toEqual([]);
  });

  it.each(["ThrottlingException", "InternalFailure"])(
    "send the entries again that failed with %s, and no others",
    async (code) => {
      const { aws, wakes, calls, waits, clock, take } = await start();
      const messages = signals(12);
      const [third, eighth] = [encodeDetail(messages[3] as WakeMessage), encodeDetail(messages[8] as WakeMessage)];
      for (const failing of [third, eighth, eighth]) {
        aws.eventBridge.failNext(({ detail }) => detail === failing, code);
      }
      await passingTime(clock, wakes.send(messages));
      expect(calls).toEqual([details(messages.slice(0, 10)), details(messages.slice(10)), [third, eighth], [eighth]]);
      expect(waits).toEqual([37.5, 75]);
      expect(distinct(await take())).toEqual(distinct(messages));
    },
  );

  it("give up after four tries, waiting longer each time, and name the first detail that was not sent", async () => {
    const { aws, wakes, calls, waits, clock, take } = await start();
    const messages = signals(2);
    const [, failing = ""] = details(messages);
    for (let i = 0; i < 4; i++) aws.eventBridge.failNext(({ detail }) => detail === failing, "ThrottlingException");
    const sent = wakes.send(messages);
    const thrown = expect(sent).rejects.toMatchObject({
      code: "wake-failed",
      subject: `1 bus events, the first with detail ${failing}`,
      received: "ThrottlingException: Injected ThrottlingException.",
    });
    await passingTime(clock, sent);
    expect(waits).toEqual([37.5, 75, 150]);
    await thrown;
    expect(calls).toEqual([details(messages), [failing], [failing], [failing]]);
    expect(await take()).toEqual([messages[0]]);
  });

  it("do not send an entry again that the service refuses, and name its detail", async () => {
    const { aws, wakes, calls } = await start();
    const wake: TaskWake = { class: "probe", key };
    aws.eventBridge.failNext(1, "NotAuthorizedForDetailType", "no");
    await expect(wakes.send([wake])).rejects.toMatchObject({
      code: "wake-failed",
      subject: `1 bus events, the first with detail ${encodeDetail(wake)}`,
      received: "NotAuthorizedForDetailType: no",
    });
    expect(calls).toHaveLength(1);
  });

  it("send all the others when one is refused", async () => {
    const { aws, wakes, clock, take } = await start();
    const messages = signals(25);
    const [refused, busy] = [encodeDetail(messages[2] as WakeMessage), encodeDetail(messages[5] as WakeMessage)];
    aws.eventBridge.failNext(({ detail }) => detail === refused, "MalformedDetail", "no");
    aws.eventBridge.failNext(({ detail }) => detail === busy, "ThrottlingException");
    const sent = wakes.send(messages);
    const thrown = expect(sent).rejects.toMatchObject({
      code: "wake-failed",
      subject: `1 bus events, the first with detail ${refused}`,
      received: "MalformedDetail: no",
    });
    await passingTime(clock, sent);
    await thrown;
    expect(distinct(await take())).toEqual(distinct(messages.filter((_, n) => n !== 2)));
  });

  it("leave a call that fails as a whole to the SDK's own retries", async () => {
    const { aws, wakes, take } = await start();
    aws.failNextCall("PutEvents", "InternalException", { status: 500 });
    const [signal] = signals(1);
    await wakes.send(signals(1));
    expect(await take()).toEqual([signal]);
  });

  it("throw what the SDK throws when its retries come to an end", async () => {
    const { aws, wakes } = await start();
    aws.failNextCall("PutEvents", "AccessDeniedException", { status: 403 });
    await expect(wakes.send(signals(1))).rejects.toMatchObject({ name: "AccessDeniedException" });
  });

  describe("for a wake more than a minute away", () => {
    const timer: TaskWake = { class: "timer", key, fence: 7 };
    const oneTime = ({ aws }: AwsWorld) =>
      aws.scheduler.schedules().filter(({ definition }) => definition.expression.kind === "at");

    it("make a one-time schedule for the bus, with a legal name, that deletes itself", async () => {
      const world = await start();
      const at = world.clock.now() + 90_500;
      await world.wakes.sendAt(timer, at);
      const [schedule] = oneTime(world);
      expect(schedule?.definition).toMatchObject({
        name: expect.stringMatching(/^[0-9a-f]{40}-7$/),
        groupName: names.scheduleGroup,
        expressionText: "at(2026-01-01T00:01:33)",
        timeZone: "UTC",
        flexibleWindow: { mode: "OFF" },
        deleteAfterCompletion: true,
        target: {
          arn: world.deployment.busArn,
          roleArn: world.deployment.scheduleRoleArn,
          input: encodeDetail({ ...timer, notBefore: at }),
          eventBridge: { source: "tailwake", detailType: "Wake" },
        },
      });
      await world.clock.advance(93_000);
      expect(oneTime(world)).toEqual([]);
      expect(await world.take()).toHaveLength(1);
    });

    it("make no bus event for it before, and no schedule for a nearer one", async () => {
      const world = await start();
      await world.wakes.sendAt(timer, world.clock.now() + 60_001);
      expect(world.calls).toEqual([]);
      await world.wakes.sendAt({ ...timer, fence: 8 }, world.clock.now() + 60_000);
      expect(world.calls).toHaveLength(1);
      expect(oneTime(world)).toHaveLength(1);
    });

    it("take a schedule that is there already, of the same task and fence, for theirs", async () => {
      const world = await start();
      const at = world.clock.now() + 90_000;
      await world.wakes.sendAt(timer, at);
      await expect(world.wakes.sendAt(timer, at)).resolves.toBeUndefined();
      expect(oneTime(world)).toHaveLength(1);
      await world.wakes.sendAt({ ...timer, fence: 8 }, at);
      expect(oneTime(world)).toHaveLength(2);
    });

    it("throw what the SDK throws when the schedule cannot be made", async () => {
      const { aws, wakes, clock } = await start();
      aws.failNextCall("CreateSchedule", "ServiceQuotaExceededException", { status: 402 });
      await expect(wakes.sendAt(timer, clock.now() + 90_000)).rejects.toMatchObject({
        name: "ServiceQuotaExceededException",
      });
    });

    it("have a second chance when the service fails for a moment", async () => {
      const world = await start();
      world.aws.failNextCall("CreateSchedule", "InternalServerException", { status: 500 });
      await world.wakes.sendAt(timer, world.clock.now() + 90_000);
      expect(oneTime(world)).toHaveLength(1);
    });
  });
});
