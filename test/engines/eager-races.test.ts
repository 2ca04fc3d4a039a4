import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tasksOf } from "../../functions/client.ts";
import { defineActivity, defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp, completed } from "../../functions/contract/outcome.ts";
import { eager, lazy } from "../../functions/engines/binding.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { startTask } from "../../functions/run/start.ts";
import { settle } from "../support/test-clock.ts";
import { thing, World } from "../support/world.ts";

const shard = { shard: 0, shards: 1 };

/** Writes and steps of the clock, in the order that the scheduler finds; ends after `ms` of the clock. */
async function drive(scheduler: fc.Scheduler, world: World, ms: number): Promise<void> {
  const end = world.clock.now() + ms;
  let ticking = false;
  while (world.clock.now() < end) {
    await settle();
    if (!ticking) {
      ticking = true;
      void scheduler.schedule(Promise.resolve(), "clock").then(async () => {
        await world.clock.advance(250);
        ticking = false;
      });
    }
    if (scheduler.count() > 0) await scheduler.waitOne();
  }
}

/** Lets everything that is left happen, in order. */
async function finish(scheduler: fc.Scheduler, world: World, held: readonly Promise<unknown>[]): Promise<void> {
  let ended = false;
  void Promise.allSettled(held).then(() => {
    ended = true;
  });
  for (let turn = 0; !ended && turn < 2_000; turn++) {
    await settle();
    if (scheduler.count() > 0) await scheduler.waitAll();
    else await world.clock.advance(100);
  }
  expect(ended).toBe(true);
}

describe("races of eager leaders", () => {
  it("never skip an event, nor let a replaced leader commit, whatever the order of writes (T1, T2, rule 19)", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 1, max: 5 }),
        fc.nat({ max: 8_000 }),
        fc.boolean(),
        async (scheduler, events, replacedAfterMs, rewinds) => {
          const handed: { readonly fence: number; readonly id: string }[] = [];
          const activity = defineProcessor(thing, {
            name: "reader",
            async processEvents(run, stream) {
              let tail = run.tail;
              for await (const { id } of stream) {
                handed.push({ fence: run.fence, id });
                tail = id;
              }
              return caughtUp(tail);
            },
          });
          const world = new World({ activities: [eager(activity)] });
          world.append("t", "e0");
          await startTask(world.ports, activity, { thingId: "t" });
          const stored: { readonly fence: number; readonly tail: string }[] = [];
          const update = world.store.update.bind(world.store);
          world.store.update = scheduler.scheduleFunction(async (key, change) => {
            const written = await update(key, change);
            if (written.applied) stored.push({ fence: written.record.fence, tail: written.record.tail });
            return written;
          });
          const invocations = [world.invocation(900_000), world.invocation(900_000)] as const;
          const first = leadEagerShard(world.ports, shard, invocations[0]);
          await drive(scheduler, world, replacedAfterMs);
          // As if the first one had not beaten for long: it does not know yet that it has been replaced.
          const document = "leader#eager-0-of-1";
          const found = await world.ports.control.read(document);
          if (found) await world.ports.control.write(document, { ...Object(found.value), aliveUntil: 0 }, "any");
          const second = leadEagerShard(world.ports, shard, invocations[1]);
          for (let i = 1; i <= events; i++) {
            world.append("t", `e${i}`);
            await drive(scheduler, world, 500);
            if (rewinds && i === 2) {
              // An operator's tool writes as it likes; its own writes are not part of the order that is searched.
              const operator = { ...world.ports, store: Object.create(world.store, { update: { value: update } }) };
              await tasksOf(operator)
                .rewind({ activity, address: { thingId: "t" } }, "epoch", { force: true })
                .catch(() => {});
            }
          }
          await drive(scheduler, world, 20_000);
          for (const { controller } of invocations) controller.abort();
          await finish(scheduler, world, [first, second]);

          const history = world.histories.get("t") ?? [];
          expect((await world.record("t")).tail).toBe(history.at(-1));
          // T2: once a run has a higher fence, none with a lower one writes.
          for (let i = 1; i < stored.length; i++) {
            expect(stored[i]?.fence).toBeGreaterThanOrEqual(stored[i - 1]?.fence ?? 0);
          }
          // T1: each run hands out a piece of the history without a hole, and begins at a tail that was stored.
          for (const fence of new Set(handed.map((one) => one.fence))) {
            const ids = handed.filter((one) => one.fence === fence).map(({ id }) => id);
            const from = history.indexOf(ids[0] ?? "");
            expect(ids).toEqual(history.slice(from, from + ids.length));
            expect(from === 0 || stored.some(({ tail }) => tail === history[from - 1])).toBe(true);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("never lose a child's end, whenever it comes (T3, rule 13)", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.boolean(),
        fc.nat({ max: 6_000 }),
        async (scheduler, childIsEager, doneAfterMs) => {
          let done = false;
          const child = defineProcessor(thing, {
            name: "child",
            async processEvents(run, stream) {
              let tail = run.tail;
              for await (const { id } of stream) tail = id;
              return done ? completed(tail) : caughtUp(tail);
            },
          });
          const parent = defineActivity(thing, {
            name: "parent",
            view: { version: 1, initial: () => ({ n: 0 }) },
            apply(view) {
              view.n++;
            },
            async act(_view, run) {
              // Slow, so that the child's end falls before, between and after its writes.
              for (let i = 0; i < 3; i++) await scheduler.schedule(Promise.resolve(), "act");
              const status = await run.start(child, { thingId: "c" }, { wake: true });
              for (let i = 0; i < 3; i++) await scheduler.schedule(Promise.resolve(), "act");
              return status === "completed" ? completed() : caughtUp();
            },
          });
          const world = new World({ activities: [eager(parent), childIsEager ? eager(child) : lazy(child)] });
          world.append("p", "e1");
          await startTask(world.ports, parent, { thingId: "p" });
          world.store.update = scheduler.scheduleFunction(world.store.update.bind(world.store));
          const invocation = world.invocation(900_000);
          const held = leadEagerShard(world.ports, shard, invocation);
          const signals = (async () => {
            for (let i = 0; i < 8; i++) {
              await world.clock.sleep(1_000, invocation.signal);
              if (done) await world.signal("c");
              await world.deliver(world.alarms.take());
            }
          })();
          await drive(scheduler, world, doneAfterMs);
          done = true;
          world.append("c", "e1");
          await drive(scheduler, world, 20_000);
          await finish(scheduler, world, [signals]);
          await drive(scheduler, world, 7_000);
          expect(await world.record("c")).toMatchObject({ status: "completed" });
          expect(await world.record("p")).toMatchObject({ status: "completed" });
          invocation.controller.abort();
          await finish(scheduler, world, [held]);
        },
      ),
      { numRuns: 100 },
    );
  });
});
