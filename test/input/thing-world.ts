import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import { startTask } from "../../functions/run/start.ts";
import type { TaskStore } from "../../functions/tasks/store.ts";
import { reader, thing, World } from "../support/world.ts";

const readsAll = (name: string) =>
  defineProcessor(thing, {
    name,
    async processEvents(run, stream) {
      let tail = run.tail;
      for await (const { id } of stream) tail = id;
      return caughtUp(tail);
    },
  });
const hourly = readsAll("hourly");
const watcher = readsAll("watcher");

/** Things that a valid message may be about; each has an event that its lazy task has not read. */
export const things = ["t", "u"] as const;

export const context = { getRemainingTimeInMillis: () => 120_000, awsRequestId: "request-1" };

/** A world whose lazy tasks sleep, with news that nobody has signaled. */
export async function worldWithNews(store?: TaskStore): Promise<World> {
  const world = new World({
    activities: [lazy(reader), cron(hourly, { everyMinutes: 60 }), eager(watcher)],
    ...(store && { store }),
  });
  for (const thingId of things) {
    await startTask(world.ports, reader, { thingId });
    await world.drain();
    world.append(thingId, "e1");
  }
  world.log.length = 0;
  return world;
}

/** How far each task is: what bad input must not change. */
export async function tailsOf({ store }: World): Promise<Readonly<Record<string, string>>> {
  const tails: [string, string][] = [];
  for await (const { entity, kind, activity, tail, acted, view, viewRef } of store.list()) {
    tails.push([`${kind}/${activity}@${entity}`, JSON.stringify({ tail, acted, view, viewRef })]);
  }
  return Object.fromEntries(tails);
}
