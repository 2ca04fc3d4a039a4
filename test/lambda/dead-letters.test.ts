import { afterEach, describe, expect, it } from "vitest";
import { lazy } from "../../functions/engines/binding.ts";
import { wakeHandler } from "../../functions/lambda/wake-event.ts";
import { startTask } from "../../functions/run/start.ts";
import { Sqs } from "../../local/aws/sqs.ts";
import { type EventSource, startEventSource } from "../../local/lambda/event-source.ts";
import { busEvent, reader, World } from "../support/world.ts";

describe("a message that cannot be understood", () => {
  let mapping: EventSource | undefined;
  let sqs: Sqs | undefined;
  afterEach(async () => {
    sqs?.close();
    await mapping?.stop();
  });

  it("alone goes to the dead letters after its retries; the others of its batch are done once", async () => {
    const world = new World({ activities: [lazy(reader)] });
    const { clock } = world;
    await startTask(world.ports, reader, { thingId: "t" });
    await world.drain();
    world.append("t", "e1");

    sqs = new Sqs({
      clock,
      accountRegion: { account: "123456789012", region: "us-east-1" },
      baseUrl: "http://127.0.0.1",
    });
    const deadLetters = sqs.createQueue("dead-letters");
    const queue = sqs.createQueue("wakes", {
      VisibilityTimeout: "135",
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 5 }),
    });
    const batches: number[] = [];
    const lambda = {
      async invoke(_name: string, event: unknown) {
        batches.push((event as { Records: unknown[] }).Records.length);
        const context = { getRemainingTimeInMillis: () => 120_000, awsRequestId: "r" };
        const payload = await wakeHandler(world.ports, event, context);
        return { ok: true, payload, requestId: "r", coldStart: false, durationMs: 1 } as const;
      },
    };
    const malformed = JSON.stringify({ source: "tailwake", "detail-type": "Signal", detail: { entity: 7 } });
    queue.send({ body: busEvent({ class: "signal", entity: "t" }) });
    queue.send({ body: malformed });
    mapping = startEventSource({ queue, functionName: "lazy", lambda, clock, reportBatchItemFailures: true });
    await clock.advance(20 * 60_000);

    expect(batches).toEqual([2, 1, 1, 1, 1]);
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    const [letter, ...more] = await deadLetters.receive({ max: 10 });
    expect(letter?.body).toBe(malformed);
    expect(more).toEqual([]);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e1", fence: 2 });
    const errors = world.log.filter(({ level }) => level === "error");
    expect(errors).toHaveLength(5);
    expect(errors[0]?.fields).toMatchObject({
      code: "malformed-message",
      err: expect.stringContaining("detail.entity"),
    });
  });
});
