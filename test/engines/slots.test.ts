import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { type Need, Slots } from "../../functions/engines/slots.ts";
import { startTask } from "../../functions/run/start.ts";
import { settle } from "../support/test-clock.ts";
import { thing, World } from "../support/world.ts";

describe("places for runs", () => {
  it("are never more than there are, and everybody gets one in the end", async () => {
    const limits: Record<string, number> = { invocation: 4, "kind a": 2, "kind b": 3, "resource r": 1 };
    const needs = fc.subarray(Object.keys(limits), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(needs, { minLength: 1, maxLength: 30 }), async (scheduler, all) => {
        const slots = new Slots();
        const taken: Record<string, number> = {};
        let done = 0;
        const work = all.map((names) =>
          slots.run(
            names.map((name): Need => ({ name, limit: limits[name] ?? 0 })),
            async () => {
              for (const name of names) taken[name] = (taken[name] ?? 0) + 1;
              for (const name of names) expect(taken[name]).toBeLessThanOrEqual(limits[name] ?? 0);
              await scheduler.schedule(Promise.resolve());
              for (const name of names) taken[name] = (taken[name] ?? 0) - 1;
              done++;
            },
          ),
        );
        await scheduler.waitFor(Promise.all(work));
        expect(done).toBe(all.length);
      }),
    );
  });

  it("are given up when the work throws", async () => {
    const slots = new Slots();
    const needs = [{ name: "r", limit: 1 }];
    await expect(slots.run(needs, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await slots.run(needs, async () => "yes")).toBe("yes");
  });

  it("of one kind that are taken do not keep another kind waiting (seed B6)", async () => {
    const slots = new Slots();
    const invocation = { name: "invocation", limit: 10 };
    const a = [invocation, { name: "kind a", limit: 1 }];
    const began: string[] = [];
    const never = new Promise<void>(() => {});
    void slots.run(a, () => never);
    for (let i = 0; i < 5; i++) void slots.run(a, async () => void began.push("a"));
    await slots.run([invocation, { name: "kind b", limit: 1 }], async () => void began.push("b"));
    expect(began).toEqual(["b"]);
  });
});

describe("the limits of an invocation", () => {
  const counting = (name: string, resource?: string) => {
    const running = { now: 0, most: 0 };
    const activity = defineProcessor(thing, {
      name,
      ...(resource === undefined ? {} : { resource }),
      async processEvents(run) {
        running.most = Math.max(running.most, ++running.now);
        await settle();
        running.now--;
        return caughtUp(run.tail);
      },
    });
    return { activity, running };
  };

  it("hold for all runs together", async () => {
    const { activity, running } = counting("reader");
    const world = new World({ activities: [lazy(activity)], limits: { runs: 4, runsPerKind: 100 } });
    for (let i = 0; i < 20; i++) await startTask(world.ports, activity, { thingId: `t${i}` });
    await world.drain();
    expect(running.most).toBe(4);
  });

  it("hold for a named resource that activities share; others run beside them", async () => {
    const [restore, archive, other] = [counting("restore", "tape"), counting("archive", "tape"), counting("other")];
    const world = new World({
      activities: [lazy(restore.activity), lazy(archive.activity), lazy(other.activity)],
      limits: { runsPerKind: 100, resources: { tape: 1 } },
    });
    for (let i = 0; i < 5; i++) {
      for (const { activity } of [restore, archive, other]) {
        await startTask(world.ports, activity, { thingId: `t${i}` });
      }
    }
    await world.drain();
    expect(restore.running.most).toBe(1);
    expect(archive.running.most).toBe(1);
    expect(other.running.most).toBeGreaterThan(3);
  });
});
