import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { startTask } from "../../functions/run/start.ts";
import { thing, World } from "../support/world.ts";

const start = Date.UTC(2026, 0, 1);

describe("failed attempts", () => {
  const failing = (parkAfterAttempts?: number) =>
    defineProcessor(thing, {
      name: "failing",
      ...(parkAfterAttempts === undefined ? {} : { parkAfterAttempts }),
      processEvents: async () => {
        throw new Error("no route");
      },
    });

  it("are tried again for ever, ever later up to a quarter of an hour", async () => {
    const activity = failing();
    const world = new World({ activities: [lazy(activity)] });
    await startTask(world.ports, activity, { thingId: "t" });
    await world.drainUntil(start + 3 * 3_600_000);
    const waits = world.log.slice(0, 8).map(({ fields }) => (fields.retryInMs as number) / 1000);
    expect(waits).toEqual([15, 30, 60, 120, 240, 480, 675, 675]);
  });

  it("park the task at the limit of its activity, with the error kept", async () => {
    const activity = failing(2);
    const world = new World({ activities: [lazy(activity)] });
    await startTask(world.ports, activity, { thingId: "t" });
    await world.drainUntil(start + 600_000);
    expect(await world.record("t")).toMatchObject({ status: "parked", attempts: 2, error: { message: "no route" } });
    expect(world.alarms.next).toBeUndefined();
    expect(world.log.map(({ message }) => message)).toEqual(["failed", "failed", "parked"]);
  });

  it("are forgotten once the activity catches up", async () => {
    let broken = true;
    const activity = defineProcessor(thing, {
      name: "mended",
      async processEvents(run) {
        if (broken) throw new Error("no route");
        expect(run.attempt).toBe(2);
        return caughtUp(run.tail);
      },
    });
    const world = new World({ activities: [lazy(activity)] });
    await startTask(world.ports, activity, { thingId: "t" });
    await world.drain();
    broken = false;
    await world.drainUntil(start + 60_000);
    const record = await world.record("t");
    expect(record).toMatchObject({ status: "sleeping", attempts: 0 });
    expect(record).not.toHaveProperty("error");
  });
});
