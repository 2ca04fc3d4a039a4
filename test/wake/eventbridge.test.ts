import { describe, expect, it } from "vitest";
import { unsentOf } from "../../functions/wake/batch-sender.ts";
import { encodeDetail, type TaskWake, type WakeMessage } from "../../functions/wake/wake.ts";
import { names } from "../../local/deployment.ts";
import { type AwsWorld, passingTime, startAwsWorld as start } from "./aws-world.ts";
import { distinct, testWakes } from "./wakes.suite.ts";

const key = { entity: "entity-1", kind: "order", activity: "ship" };
const signals = (count: number) =>
  Array.from({ length: count }, (_, n): WakeMessage => ({ class: "signal", entity: `entity-${n}` }));
const details = (messages: readonly WakeMessage[]) => messages.map(encodeDetail);

describe("the alarm clocks on AWS", () => {
  testWakes(start);

  it("put ten events in a call", async () => {
    const { alarms, calls } = await start();
    const messages = signals(25);
    await alarms.send(messages);
    expect(calls).toEqual([
      details(messages.slice(0, 10)),
      details(messages.slice(10, 20)),
      details(messages.slice(20)),
    ]);
  });

  it("make no call for no messages", async () => {
    const { alarms, calls } = await start();
    await alarms.send([]);
    expect(calls).toEqual([]);
  });

  it.each(["ThrottlingException", "InternalFailure"])(
    "send the entries again that failed with %s, and no others",
    async (code) => {
      const { aws, alarms, calls, waits, clock, take } = await start();
      const messages = signals(12);
      const [third, eighth] = [encodeDetail(messages[3] as WakeMessage), encodeDetail(messages[8] as WakeMessage)];
      for (const failing of [third, eighth, eighth]) {
        aws.eventBridge.failNext(({ detail }) => detail === failing, code);
      }
      await passingTime(clock, alarms.send(messages));
      expect(calls).toEqual([details(messages.slice(0, 10)), details(messages.slice(10)), [third, eighth], [eighth]]);
      expect(waits).toEqual([37.5, 75]);
      expect(distinct(await take())).toEqual(distinct(messages));
    },
  );

  it("give up after four tries, waiting longer each time, and name the first detail that was not sent", async () => {
    const { aws, alarms, calls, waits, clock, take } = await start();
    const messages = signals(2);
    const [, failing = ""] = details(messages);
    for (let i = 0; i < 4; i++) aws.eventBridge.failNext(({ detail }) => detail === failing, "ThrottlingException");
    const sent = alarms.send(messages);
    const thrown = expect(sent).rejects.toMatchObject({
      code: "wake-failed",
      subject: `1 of 2 bus events, the first with detail ${failing}`,
      received: "ThrottlingException: Injected ThrottlingException.",
    });
    await passingTime(clock, sent);
    expect(waits).toEqual([37.5, 75, 150]);
    await thrown;
    expect(calls).toEqual([details(messages), [failing], [failing], [failing]]);
    expect(await take()).toEqual([messages[0]]);
  });

  it("do not send an entry again that the service refuses, and name its detail", async () => {
    const { aws, alarms, calls } = await start();
    const wake: TaskWake = { class: "probe", key };
    aws.eventBridge.failNext(1, "NotAuthorizedForDetailType", "no");
    await expect(alarms.send([wake])).rejects.toMatchObject({
      code: "wake-failed",
      subject: `1 of 1 bus events, the first with detail ${encodeDetail(wake)}`,
      received: "NotAuthorizedForDetailType: no",
    });
    expect(calls).toHaveLength(1);
  });

  it("send all the others when one is refused", async () => {
    const { aws, alarms, clock, take } = await start();
    const messages = signals(25);
    const [refused, busy] = [encodeDetail(messages[2] as WakeMessage), encodeDetail(messages[5] as WakeMessage)];
    aws.eventBridge.failNext(({ detail }) => detail === refused, "MalformedDetail", "no");
    aws.eventBridge.failNext(({ detail }) => detail === busy, "ThrottlingException");
    const sent = alarms.send(messages);
    const thrown = expect(sent).rejects.toMatchObject({
      code: "wake-failed",
      subject: `1 of 25 bus events, the first with detail ${refused}`,
      received: "MalformedDetail: no",
    });
    await passingTime(clock, sent);
    await thrown;
    expect(distinct(await take())).toEqual(distinct(messages.filter((_, n) => n !== 2)));
  });

  it("leave a call that fails as a whole to the SDK's own retries", async () => {
    const { aws, alarms, take } = await start();
    aws.failNextCall("PutEvents", "InternalException", { status: 500 });
    const [signal] = signals(1);
    await alarms.send(signals(1));
    expect(await take()).toEqual([signal]);
  });

  it("name what the SDK throws when its retries come to an end, and the first detail", async () => {
    const { aws, alarms } = await start();
    aws.failNextCall("PutEvents", "AccessDeniedException", { status: 403 });
    const messages = signals(1);
    const error = await alarms.send(messages).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "wake-failed",
      subject: `1 of 1 bus events, the first with detail ${details(messages)[0]}`,
      received: "AccessDeniedException: Injected AccessDeniedException.",
      cause: expect.objectContaining({ name: "AccessDeniedException" }),
    });
    expect(unsentOf(error, messages)).toEqual(messages);
  });

  it("send a call again that is throttled as a whole, and all others once", async () => {
    const { aws, alarms, clock, take, waits } = await start({ maxAttempts: 1 });
    aws.failNextCall("PutEvents", "ThrottlingException", { times: 2 });
    const messages = signals(200);
    await passingTime(clock, alarms.send(messages));
    const arrived = await take();
    expect(arrived).toHaveLength(200);
    expect(distinct(arrived)).toEqual(distinct(messages));
    expect(waits).toHaveLength(2);
  });

  it("know which messages were not sent", async () => {
    const { aws, alarms, take } = await start();
    const messages = signals(25);
    aws.eventBridge.failNext(({ detail }) => detail === details(messages)[2], "MalformedDetail", "no");
    const error = await alarms.send(messages).catch((thrown: unknown) => thrown);
    expect(unsentOf(error, messages)).toEqual([messages[2]]);
    expect(await take()).toHaveLength(24);
  });

  describe("for a wake more than a minute away", () => {
    const timer: TaskWake = { class: "timer", key, fence: 7 };
    const oneTime = ({ aws }: AwsWorld) =>
      aws.scheduler.schedules().filter(({ definition }) => definition.expression.kind === "at");

    it("make a one-time schedule for the bus, with a legal name, that deletes itself", async () => {
      const world = await start();
      const at = world.clock.now() + 90_500;
      await world.alarms.sendAt(timer, at);
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
      await world.alarms.sendAt(timer, world.clock.now() + 60_001);
      expect(world.calls).toEqual([]);
      await world.alarms.sendAt({ ...timer, fence: 8 }, world.clock.now() + 60_000);
      expect(world.calls).toHaveLength(1);
      expect(oneTime(world)).toHaveLength(1);
    });

    it("make the last schedule that can be named for a record that waits for a later time (rule 17)", async () => {
      const world = await start();
      await world.alarms.sendAt(timer, 8.64e15);
      expect(oneTime(world)[0]?.definition.expressionText).toBe("at(9999-12-31T00:00:02)");
    });

    it("take a schedule that is there already, of the same task and fence, for theirs", async () => {
      const world = await start();
      const at = world.clock.now() + 90_000;
      await world.alarms.sendAt(timer, at);
      await expect(world.alarms.sendAt(timer, at)).resolves.toBeUndefined();
      expect(oneTime(world)).toHaveLength(1);
      await world.alarms.sendAt({ ...timer, fence: 8 }, at);
      expect(oneTime(world)).toHaveLength(2);
    });

    it("name the schedule that cannot be made, and what the SDK throws", async () => {
      const { aws, alarms, clock } = await start();
      aws.failNextCall("CreateSchedule", "ServiceQuotaExceededException", { status: 402 });
      await expect(alarms.sendAt(timer, clock.now() + 90_000)).rejects.toMatchObject({
        code: "wake-failed",
        subject: expect.stringMatching(/^schedule [0-9a-f]{40}-7, with detail \{.*"entity":"entity-1"/),
        expected: "CreateSchedule to accept it",
        received: "ServiceQuotaExceededException: Injected ServiceQuotaExceededException.",
        cause: expect.objectContaining({ name: "ServiceQuotaExceededException" }),
      });
    });

    it("have a second chance when the service fails for a moment", async () => {
      const world = await start();
      world.aws.failNextCall("CreateSchedule", "InternalServerException", { status: 500 });
      await world.alarms.sendAt(timer, world.clock.now() + 90_000);
      expect(oneTime(world)).toHaveLength(1);
    });
  });
});
