import { SQSClient } from "@aws-sdk/client-sqs";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { unsentOf } from "../../functions/wake/batch-sender.ts";
import { DirectSignals } from "../../functions/wake/direct-signals.ts";
import { encodeBusEvent } from "../../functions/wake/envelope.ts";
import type { TaskWake, WakeMessage } from "../../functions/wake/wake.ts";
import { ServiceError } from "../../local/aws/service-error.ts";
import { passingTime, startAwsWorld } from "./aws-world.ts";
import { distinct, testWakes } from "./wakes.suite.ts";

/** The adapter with the SDK's own client, in front of the one for the bus. */
async function start(queueUrl?: string, options: { readonly maxAttempts?: number } = {}) {
  const world = await startAwsWorld();
  const sqs = new SQSClient({ ...world.settings, ...options });
  onTestFinished(() => sqs.destroy());
  const queue = world.deployment.wakes;
  /** The number of messages of each SendMessageBatch that left the SDK. */
  const batches: number[] = [];
  sqs.middlewareStack.add(
    (next) => (args) => {
      batches.push((args.input as { Entries: unknown[] }).Entries.length);
      return next(args);
    },
    { step: "initialize" },
  );
  const failures: { readonly body: string; readonly error: ServiceError }[] = [];
  const send = queue.send.bind(queue);
  vi.spyOn(queue, "send").mockImplementation((message) => {
    const at = failures.findIndex(({ body }) => body === message.body);
    const [failure] = at < 0 ? [] : failures.splice(at, 1);
    if (failure) throw failure.error;
    return send(message);
  });
  /** Makes the queue refuse a message the next `times` times. */
  const fail = (message: WakeMessage | undefined, code: string, status: number, times = 1) => {
    const failure = { body: message ? encodeBusEvent(message) : "", error: new ServiceError(code, "no", status) };
    failures.push(...Array(times).fill(failure));
  };
  const connect = vi.fn(async () => sqs);
  const alarms = new DirectSignals(world.alarms, queueUrl ?? queue.url, world.noting, () => 0.5, connect);
  return { ...world, alarms, queue, batches, fail, connect };
}

const key = { entity: "entity-1", kind: "order", activity: "ship" };
const operator: TaskWake = { class: "operator", key };
const signals = (count: number) =>
  Array.from({ length: count }, (_, n): WakeMessage => ({ class: "signal", entity: `entity-${n}` }));

const bodyOf = (message: WakeMessage | undefined) => message && encodeBusEvent(message);

describe("signals that go directly into the queue", () => {
  testWakes(start);

  it("go ten in a call, and none over the bus", async () => {
    const { alarms, batches, calls, take } = await start();
    await alarms.send(signals(25));
    expect(batches).toEqual([10, 10, 5]);
    expect(calls).toEqual([]);
    expect(distinct(await take())).toEqual(distinct(signals(25)));
  });

  it("leave the wakes of tasks to the bus: the lazy function must not feed its own queue", async () => {
    const { alarms, batches, calls, take } = await start();
    const news: TaskWake = { class: "signal", key };
    await alarms.send([operator, ...signals(1), news]);
    expect(batches).toEqual([1]);
    expect(calls.flat()).toHaveLength(2);
    expect(distinct(await take())).toEqual(distinct([operator, news, ...signals(1)]));
  });

  it("make no call, and no client, where there are none", async () => {
    const { alarms, batches, calls, connect, clock } = await start();
    await alarms.send([]);
    await alarms.send([operator]);
    await alarms.sendAt({ class: "timer", key, fence: 1 }, clock.now());
    await alarms.sendQuarantined({ class: "rescue", key });
    await alarms.startLeader("signals");
    expect(batches).toEqual([]);
    expect(calls).toHaveLength(4);
    expect(connect).not.toHaveBeenCalled();
  });

  it("share one client", async () => {
    const { alarms, connect } = await start();
    await alarms.send(signals(25));
    await alarms.send(signals(1));
    expect(connect).toHaveBeenCalledTimes(1);
  });

  it("arrive as they were sent, even with characters that SQS does not take", async () => {
    const { alarms, take } = await start();
    const odd: WakeMessage = { class: "signal", entity: 'a "b" \\ ä 🦆\n\u0000\ufffe\uffff', kind: "order" };
    await alarms.send([odd]);
    expect(await take()).toEqual([odd]);
  });

  it.each([
    ["InternalError", 500],
    ["ServiceUnavailable", 503],
    ["RequestThrottled", 400],
    ["KmsThrottled", 400],
  ])("are sent again if they failed with %s, and no others", async (code, status) => {
    const { alarms, batches, fail, waits, clock, take } = await start();
    const messages = signals(12);
    fail(messages[3], code, status);
    fail(messages[8], code, status, 2);
    await passingTime(clock, alarms.send(messages));
    expect(batches).toEqual([10, 2, 2, 1]);
    expect(waits).toEqual([37.5, 75]);
    const arrived = await take();
    expect(arrived).toHaveLength(12);
    expect(distinct(arrived)).toEqual(distinct(messages));
  });

  it("are given up after four tries, waiting longer each time; the error has the first that was not sent", async () => {
    const { alarms, queue, batches, fail, waits, clock, take } = await start();
    const [first, second] = signals(2);
    fail(second, "RequestThrottled", 400, 4);
    const sent = alarms.send(signals(2));
    const thrown = expect(sent).rejects.toMatchObject({
      code: "wake-failed",
      subject: `1 of 2 signals, the first with body ${second && encodeBusEvent(second)}`,
      expected: `queue ${queue.url} to accept them`,
      received: "RequestThrottled: no",
    });
    await passingTime(clock, sent);
    await thrown;
    expect(waits).toEqual([37.5, 75, 150]);
    expect(batches).toEqual([2, 1, 1, 1]);
    expect(await take()).toEqual([first]);
  });

  it("are not sent again if the queue refuses them, and keep neither the others nor wakes from being sent", async () => {
    const { alarms, batches, fail, take } = await start();
    const messages = signals(25);
    fail(messages[2], "InvalidMessageContents", 400);
    await expect(alarms.send([...messages, operator])).rejects.toMatchObject({
      code: "wake-failed",
      subject: `1 of 25 signals, the first with body ${messages[2] && encodeBusEvent(messages[2])}`,
      received: "InvalidMessageContents: no",
    });
    expect(batches).toEqual([10, 10, 5]);
    expect(distinct(await take())).toEqual(distinct([...messages.filter((_, n) => n !== 2), operator]));
  });

  it("are sent though the bus refuses the wakes beside them", async () => {
    const { alarms, aws, take } = await start();
    aws.eventBridge.failNext(1, "MalformedDetail", "no");
    await expect(alarms.send([operator, ...signals(1)])).rejects.toMatchObject({ received: "MalformedDetail: no" });
    expect(await take()).toEqual(signals(1));
  });

  it("and wakes beside them, if both fail, make one error that knows all that was not sent", async () => {
    const { alarms, aws, fail, take } = await start();
    const messages = [operator, ...signals(2)];
    fail(messages[1], "InvalidMessageContents", 400);
    aws.eventBridge.failNext(1, "MalformedDetail", "not this");
    const error = await alarms.send(messages).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "wake-failed",
      subject: `1 of 2 signals, the first with body ${bodyOf(messages[1])}`,
      received: expect.stringMatching(/^InvalidMessageContents: no; and 1 of 1 bus events.*MalformedDetail: not this/),
    });
    expect(unsentOf(error, messages)).toEqual([operator, messages[1]]);
    expect(await take()).toEqual([messages[2]]);
  });

  it.each(["RequestThrottled", "KmsThrottled"])("are sent again if a call fails as a whole with %s", async (code) => {
    const { alarms, aws, clock, waits, take } = await start(undefined, { maxAttempts: 1 });
    aws.failNextCall("SendMessageBatch", code, { times: 2 });
    const messages = signals(200);
    await passingTime(clock, alarms.send(messages));
    const arrived = await take();
    expect(arrived).toHaveLength(200);
    expect(distinct(arrived)).toEqual(distinct(messages));
    expect(waits).toHaveLength(2);
  });

  it.each(["RequestThrottled", "InternalError"])(
    "are left to the SDK's own retries if a call fails as a whole with %s",
    async (code) => {
      const { alarms, aws, take } = await start();
      aws.failNextCall("SendMessageBatch", code, { status: code === "InternalError" ? 500 : 400 });
      await alarms.send(signals(1));
      expect(await take()).toEqual(signals(1));
    },
  );

  it("name the queue that does not exist, and how many could not be sent", async () => {
    const { url } = (await startAwsWorld()).deployment.wakes;
    const missing = `${new URL(url).origin}/123456789012/tailwake-wake`;
    const { alarms, connect } = await start(missing);
    await expect(alarms.send(signals(3))).rejects.toMatchObject({
      code: "wake-failed",
      subject: `3 of 3 signals, the first with body ${bodyOf(signals(3)[0])}`,
      expected: `queue ${missing} to accept them`,
      received: expect.stringMatching(/^QueueDoesNotExist: /),
      cause: expect.objectContaining({ name: "QueueDoesNotExist" }),
    });
    expect(connect).toHaveBeenCalledTimes(1);
  });

  it("name the queue that may not be used", async () => {
    const { alarms, aws, queue } = await start();
    aws.failNextCall("SendMessageBatch", "AccessDeniedException", { status: 403 });
    await expect(alarms.send(signals(1))).rejects.toMatchObject({
      code: "wake-failed",
      expected: `queue ${queue.url} to accept them`,
      received: "AccessDeniedException: Injected AccessDeniedException.",
    });
  });
});
