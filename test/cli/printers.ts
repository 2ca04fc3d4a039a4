import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { type Bound, lazy } from "../../functions/engines/binding.ts";
import { Desk } from "../../functions/operate/desk.ts";
import { startTask } from "../../functions/run/start.ts";
import { recordTick } from "../../functions/tick/last-tick.ts";
import { reader, thing, World, type WorldOptions } from "../support/world.ts";

let failing = true;

/** Its printers are on fire until somebody sets `failing` to false. */
export const fragile = defineProcessor(thing, {
  name: "fragile",
  parkAfterAttempts: 1,
  async processEvents(run, stream) {
    if (failing) throw new Error(`printer ${run.address.thingId.length} is on fire`);
    let { tail } = run;
    for await (const { id } of stream) tail = id;
    return caughtUp(tail);
  },
});

/** A deployment with five tasks: three that have caught up, and two that were parked. */
export class Printers extends World {
  readonly desk = new Desk(this.ports, ["things"]);

  set failing(value: boolean) {
    failing = value;
  }
}

interface Options extends Partial<Pick<WorldOptions, "store" | "control">> {
  readonly more?: readonly Bound[];
  /** An app without activities, and no task. */
  readonly bare?: boolean;
}

export async function printers({ more = [], bare = false, ...stores }: Options = {}) {
  failing = true;
  const world = new Printers({ activities: bare ? [] : [lazy(reader), lazy(fragile), ...more], ...stores });
  if (bare) return world;
  for (const thingId of ["aa1", "aa2", "b"]) {
    world.append(thingId, "e1", "e2");
    await startTask(world.ports, reader, { thingId });
  }
  world.append("dd", "e1");
  for (const thingId of ["c", "dd"]) await startTask(world.ports, fragile, { thingId });
  await world.drain();
  await recordTick(world.ports.control, { at: world.clock.now(), report: {} });
  return world;
}
