import { type Activity, type Task, task } from "../../functions/contract/activity.ts";
import type { Bound } from "../../functions/engines/binding.ts";
import { lazy } from "../../functions/engines/binding.ts";
import type { AggregateDefinition } from "../../functions/testing/simulation/aggregate.ts";
import type { Chance } from "../../functions/testing/simulation/simulate.ts";
import type { Families } from "./families.ts";
import { diary, ledger, scroll } from "./streams.ts";

/** Many aggregates, each with one task, for a world in which there are more than a few. */
export interface Crowd {
  readonly activities: readonly Bound[];
  readonly aggregates: readonly AggregateDefinition[];
  readonly tasks: readonly Task[];
  readonly roots: readonly Task[];
}

interface Known {
  readonly closer: Activity<typeof ledger>;
  readonly reader: Activity<typeof ledger>;
  readonly steady: Activity<typeof scroll>;
  readonly families: Families;
}

const event = (position: number) => position;
const hub = "hub";

/** Draws crowds. Most worlds have none, since a task costs a few hundred steps; of those where some ail, some have. */
export function drawnCrowd({ random, isAiling }: Chance, { closer, reader, steady, families }: Known): Crowd {
  const activities: Bound[] = [];
  const aggregates: AggregateDefinition[] = [];
  const tasks: Task[] = [];
  const roots: Task[] = [];
  const names = (name: string, max: number, min = 10) =>
    Array.from({ length: Math.floor(random.magnitude(min, max)) }, (_, i) => `${name}-${i}`);
  if (random.chance(0.04)) {
    const follower = families.follower(closer, hub);
    activities.push(lazy(follower));
    aggregates.push({ stream: ledger, address: { id: hub }, event, maxEvents: 20 });
    for (const id of names("follower", 600)) {
      aggregates.push({ stream: diary, address: { id }, event, firstEvents: 1, maxEvents: 1 });
      tasks.push(task(follower, { id }));
    }
  }
  const leaf = families.leaf();
  if (random.chance(0.04)) {
    const ids = names("leaf", 600);
    const fan = families.fan(leaf, ids);
    activities.push(lazy(fan));
    aggregates.push({ stream: diary, address: { id: "fan" }, event, maxEvents: 2 });
    for (const id of ids) aggregates.push({ stream: ledger, address: { id }, event, maxEvents: 0 });
    tasks.push(task(fan, { id: "fan" }));
  }
  if (random.chance(isAiling ? 0.15 : 0.02)) {
    for (const id of names("root", 400, isAiling ? 100 : 10)) {
      aggregates.push({ stream: ledger, address: { id }, event, maxEvents: 0 });
      roots.push(task(leaf, { id }));
    }
  }
  if (activities.length > 0 || roots.length > 0) activities.push(lazy(leaf));
  if (random.chance(isAiling ? 0.25 : 0.03)) {
    for (const id of names("sleeper", 250, isAiling ? 100 : 10)) {
      aggregates.push({ stream: ledger, address: { id }, event, maxEvents: 1 });
      tasks.push(task(reader, { id }));
    }
  }
  if (random.chance(0.3)) {
    const firstEvents = random.whole(50, 300);
    const cutAfter = random.whole(10, 30);
    aggregates.push({ stream: scroll, address: { id: "scroll" }, event, firstEvents, maxEvents: 300, cutAfter });
    tasks.push(task(steady, { id: "scroll" }));
  }
  return { activities, aggregates, tasks, roots };
}
