import { defineActivity, defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { eventId } from "../../functions/contract/tail.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { Desk } from "../../functions/operate/desk.ts";
import { startTask } from "../../functions/run/start.ts";
import { recordTick } from "../../functions/tick/last-tick.ts";
import { trip } from "../../functions/upstream/breaker.ts";
import { thing, World } from "../support/world.ts";
import { runsTo, sleeping } from "./records.ts";

/** Counts its events in a view. */
export const counter = defineActivity(thing, {
  name: "counter",
  view: { version: 1, initial: () => ({ events: 0, last: "none" }) },
  apply: (view, event) => {
    view.events++;
    view.last = event.event;
  },
  act: async () => caughtUp(),
});

const failing = defineProcessor(thing, {
  name: "fragile",
  parkAfterAttempts: 1,
  processEvents: async () => {
    throw new Error("the printer is out of paper: tray 2");
  },
});

/** A world with data for every view: tasks of each kind, errors, an upstream that is out, leaders, an action. */
export async function pageWorld() {
  const world = new World({ activities: [lazy(counter), lazy(failing)] });
  const desk = new Desk(world.ports, ["things", "printers"]);
  const { control, breakers, clock } = world.ports;
  for (const thingId of ["a", "b", "c"]) {
    world.append(thingId, "e1", "e2");
    await startTask(world.ports, counter, { thingId });
  }
  await startTask(world.ports, failing, { thingId: "p" });
  await world.drain();
  const now = clock.now();
  const error = { message: "connect ECONNREFUSED 10.0.0.1:443", at: now - 60_000, afterEvent: eventId("e7") };
  const running = { status: "running", token: "t", leaseUntil: now + 60_000, due: now + 180_000, fence: 9 } as const;
  world.seed(sleeping("r", now, { status: "retrying", attempts: 2, notBefore: now + 20_000, error }));
  world.seed(sleeping("run", now, { ...running, runs: runsTo(7, now, ["e2", "e2", "e5"]) }));
  world.seed(sleeping("done", now, { status: "completed" }));
  await recordTick(control, {
    at: now - 20_000,
    report: { rescued: 2, probed: 14, oldestDueMs: 4_000, cutShort: false },
  });
  await control.write("holder#signals", { epoch: 5, owner: "one", aliveUntil: now + 15_000 }, 0);
  await control.write("holder#eager-0-of-1", { epoch: 3, owner: "two", aliveUntil: now - 60_000 }, 0);
  await breakers.change("printers", (stored) => trip(stored, now, 0.5, "connect ECONNREFUSED 10.0.0.1:443"));
  await desk.operators.pause(
    { kind: "thing", activity: "counter", entity: "c" },
    { reason: "a customer asked", by: "kim" },
  );
  return { world, desk };
}
