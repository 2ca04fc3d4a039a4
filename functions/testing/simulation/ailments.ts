import type { Task } from "../../contract/activity.ts";
import { epoch } from "../../contract/tail.ts";
import type { TaskRecord } from "../../tasks/record.ts";
import type { Aggregate } from "./aggregate.ts";
import type { Deployment } from "./deployment.ts";
import type { SimulatedWorld } from "./world.ts";

/** What ails in a world in which the other tasks are watched. It ails until the faults end. */
export interface Ailments {
  /** The entity ids of the aggregates whose activities hang or fail each time. */
  readonly entities: ReadonlySet<string>;
  /** The upstream that is out. */
  readonly upstream: string | undefined;
  /** Number of records of an activity that no version of the app has. */
  readonly strangers: number;
  /** Each message of a stream takes up to this time. 0: no time. */
  readonly slowMessageMs: number;
}

/** From how many to how many records of an activity that left the app. */
const strangersDrawn: readonly [number, number] = [300, 900];

/** Draws what ails, and lets it begin. */
export function beginToAil(
  world: SimulatedWorld,
  deployment: Deployment,
  aggregates: readonly Aggregate[],
  tasks: readonly Task[],
  stormMs: number,
): Ailments {
  const { random, story } = world;
  const share = random.pick([0, 0.2, 0.5]);
  const entities = aggregates.map(({ entity }) => entity).filter(() => random.chance(share));
  for (const entity of entities) (random.chance(0.7) ? world.hanging : world.failing).add(entity);
  const upstreams = [...new Set(tasks.map(({ activity }) => activity.stream.upstream))];
  const upstream = upstreams.length > 1 && random.chance(0.3) ? random.pick(upstreams) : undefined;
  if (upstream !== undefined) deployment.upstream.goOut(upstream, stormMs);
  const strangers = random.chance(0.25) ? Math.floor(random.magnitude(...strangersDrawn)) : 0;
  for (let i = 0; i < strangers; i++) deployment.table.seed(stranger(i, world.timeline.now));
  const slowMessageMs = random.chance(0.3) ? random.magnitude(500, 10_000) : 0;
  deployment.upstream.slowMessageMs = slowMessageMs;
  const names = (set: ReadonlySet<string>) => [...set].join(", ");
  story.say("chance", () => `hang: ${names(world.hanging)}; fail: ${names(world.failing)}`);
  story.say("chance", () => `strangers: ${strangers}; a message takes up to ${Math.round(slowMessageMs)} ms`);
  return { entities: new Set(entities), upstream, strangers, slowMessageMs };
}

/** The record of a task whose activity has left the app, which was due before all others. */
const stranger = (i: number, now: number): TaskRecord => ({
  entity: `stranger-${i}`,
  kind: "ledger",
  activity: "gone",
  address: { id: `stranger-${i}` },
  engine: "lazy",
  status: "sleeping",
  tail: epoch,
  wakeCount: 0,
  fence: 1,
  attempts: 0,
  strikes: 0,
  rescues: 0,
  due: Math.floor(now) - 60_000,
  startedAt: Math.floor(now) - 120_000,
});
