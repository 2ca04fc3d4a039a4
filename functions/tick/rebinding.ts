import { isTailwakeError } from "../contract/error.ts";
import { bestEffort } from "../engines/best-effort.ts";
import { type Binding, type Bindings, bindingId } from "../engines/binding.ts";
import type { Ports } from "../engines/ports.ts";
import type { ControlStore } from "../tasks/control.ts";
import { isRoundPlace, placeAfter, type RoundPlace, wholeRound } from "../tasks/due-round.ts";
import type { DueEntry } from "../tasks/store.ts";
import { bringForward } from "../tasks/transitions.ts";
import { Limiter } from "../upstream/limiter.ts";

const pageSize = 500;
/**
 * How long after a change the round begins: by then the invocations of the version before are over, those of the lazy
 * function after 120 s, so that none of them puts a task off again by its own bindings; and the index, which may lag by
 * minutes, shows what they did.
 */
const oldVersionMs = 600_000;
/** Longer than a version of the app ticks beside the next one. */
const besideMs = 3_600_000;
/** A task that is due within this time is left: its check comes soon enough. */
const soonMs = 1_800_000;
/** The tasks of a round come due within this time, in no order. */
const spreadMs = 600_000;

/** The binding of an activity as the document has it: "lazy", "eager", "cron 60", or that it is not in the app. */
type Seen = string;
const notInApp: Seen = "not in the app";

/** The bindings as ticks have last seen them, by `kind/activity`, and the round that a change has begun. */
interface SeenBindings {
  readonly bindings: Readonly<Record<string, Seen>>;
  /** When they changed, in milliseconds since 1970. */
  readonly changedAt: number;
  readonly round?: RebindingRound | undefined;
}

/** A round of the due index that brings the tasks of rebound activities forward. */
interface RebindingRound extends RoundPlace {
  readonly activities: readonly string[];
  /** It does not go on before, in milliseconds since 1970. */
  readonly from: number;
}

const document = "bindings";

/** The processes that have compared their bindings with the document, and those for which nothing is left to do. */
const compared = new WeakSet<Ports>();
const settled = new WeakSet<Ports>();

/**
 * Brings the tasks of activities forward that are bound differently since the last deploy, or have come (back) into the
 * app, so that the new binding decides on them within the hour, whatever due time the old one has left. A tick goes on
 * until `signal` aborts, and the next one where it has stopped. Two at once do the same, which is harmless (rule 11).
 *
 * A process writes its bindings once. So two versions of an app side by side, which both compare, do not undo each
 * other's bindings for ever: the last process that starts is right, and a change too many costs one more round.
 * Resolves to the number of tasks.
 */
export async function bringReboundForward(ports: Ports, concurrency: number, signal: AbortSignal): Promise<number> {
  if (settled.has(ports)) return 0;
  const done = await bestEffort(ports, "rebound tasks not brought forward", {}, () => goOn(ports, concurrency, signal));
  return done ?? 0;
}

async function goOn(ports: Ports, concurrency: number, signal: AbortSignal): Promise<number> {
  const { control, clock, log } = ports;
  let { version, seen } = await readSeen(control);
  if (!compared.has(ports)) {
    const changed = changedBy(ports.bindings, seen, clock.now());
    if (changed) {
      const written = await control.write(document, changed, version);
      // Another tick was first. The next one compares again.
      if (written === undefined) return 0;
      if (changed.round) log.info("activities rebound", { activities: changed.round.activities });
      [seen, version] = [changed, written];
    }
    compared.add(ports);
  }
  if (!seen?.round) settled.add(ports);
  else if (seen.round.from <= clock.now()) return goRound(ports, seen, seen.round, version, concurrency, signal);
  return 0;
}

/** The document with the bindings of the app; undefined if it has them. */
function changedBy(bindings: Bindings, seen: SeenBindings | undefined, now: number): SeenBindings | undefined {
  const ours = new Map([...bindings].map((binding) => [activityOf(binding), seenAs(binding)]));
  const known = new Map(Object.entries(seen?.bindings ?? {}));
  const changed = [...ours].filter(([activity, binding]) => known.get(activity) !== binding);
  // An activity that has left stays in the document, so that the app is seen to have it again.
  const left = [...known].filter(([activity, binding]) => !ours.has(activity) && binding !== notInApp);
  if (changed.length + left.length === 0) return undefined;
  for (const [activity, binding] of changed) known.set(activity, binding);
  for (const [activity] of left) known.set(activity, notInApp);
  const { round } = seen ?? {};
  const activities = [...new Set([...(round?.activities ?? []), ...changed.map(([activity]) => activity)])];
  return {
    ...seen,
    bindings: Object.fromEntries(known),
    changedAt: now,
    // Without a document, nothing says that a binding has changed. To bring every task forward would cost much for nothing.
    round: seen && changed.length > 0 ? { ...wholeRound(round), activities, from: now + oldVersionMs } : round,
  };
}

/** Goes on with a round, and keeps the place at the end of each shard and of its own time. */
async function goRound(
  ports: Ports,
  seen: SeenBindings,
  round: RebindingRound,
  version: number,
  concurrency: number,
  signal: AbortSignal,
): Promise<number> {
  const { store, control, clock, log } = ports;
  const { activities, from } = round;
  const isOfRound = new Set(activities);
  const limiter = new Limiter(concurrency);
  let moved = 0;
  let lastVersion: number | undefined = version;
  let kept: RoundPlace | undefined = round;
  let place: RoundPlace | undefined = round;
  const keep = async () => {
    if (lastVersion === undefined || kept === place) return;
    kept = place;
    const next = { ...seen, round: place && { activities, from, ...place } };
    lastVersion = await control.write(document, next, lastVersion);
  };
  const bringOne = async ({ key, due }: DueEntry) => {
    if (signal.aborted) return;
    try {
      const at = clock.now() + Math.ceil(ports.random() * spreadMs);
      if ((await store.update(key, bringForward(due, at))).applied) moved++;
    } catch (error) {
      // A record that cannot be read stays as it is.
      if (!isTailwakeError(error, "malformed-record")) throw error;
    }
  };
  try {
    // Without a version, another tick has gone on with the round, or has begun a new one.
    while (place && lastVersion !== undefined && !signal.aborted) {
      const page: readonly DueEntry[] = await store.due(place.shard, Number.MAX_SAFE_INTEGER, pageSize, place.after);
      const soon = clock.now() + soonMs;
      const late = page.filter(({ key, due }) => due > soon && isOfRound.has(bindingId(key.kind, key.activity)));
      const work = late.map((entry) => limiter.run(() => bringOne(entry)));
      // If one fails, the others end first: nothing may go on after the invocation.
      await Promise.allSettled(work);
      await Promise.all(work);
      // The page may not be finished: the next tick begins with it, and leaves what is due soon.
      if (signal.aborted) break;
      const isLastOfShard = page.length < pageSize;
      place = placeAfter(place, page, pageSize);
      if (isLastOfShard) await keep();
    }
  } finally {
    await keep();
    log.info("rebound tasks brought forward", { activities, tasks: moved, shardsLeft: place?.left ?? 0 });
  }
  return moved;
}

/**
 * The bindings of the version of the app that has changed them last: during a deploy, perhaps not the one of this tick.
 * They are read when a task needs them, once a tick.
 */
export class LatestBindings {
  readonly #ports: Pick<Ports, "control" | "clock" | "log">;
  #seen: Promise<SeenBindings | undefined> | undefined;

  constructor(ports: Pick<Ports, "control" | "clock" | "log">) {
    this.#ports = ports;
  }

  /** Whether that version has an activity. Rejects if the document cannot be read. */
  async have(activity: string): Promise<boolean> {
    return ((await this.#read())?.bindings[activity] ?? notInApp) !== notInApp;
  }

  /**
   * Whether that version binds an activity differently, and has done so for less than an hour: then this one is about to
   * go, and its ticks do not decide on what the round of the other one has brought forward.
   */
  async differFrom(binding: Binding): Promise<boolean> {
    const seen = await bestEffort(this.#ports, "bindings not readable", {}, () => this.#read());
    const theirs = seen?.bindings[activityOf(binding)];
    const isRecent = this.#ports.clock.now() - (seen?.changedAt ?? 0) < besideMs;
    return theirs !== undefined && theirs !== seenAs(binding) && isRecent;
  }

  #read(): Promise<SeenBindings | undefined> {
    this.#seen ??= readSeen(this.#ports.control).then(({ seen }) => seen);
    return this.#seen;
  }
}

const activityOf = ({ stream, declaration }: Binding) => bindingId(stream.kind, declaration.name);
const seenAs = ({ engine, everyMinutes }: Binding): Seen => (everyMinutes > 0 ? `${engine} ${everyMinutes}` : engine);

/** Reads the document. One that is not such a document counts as none. */
async function readSeen(
  control: ControlStore,
): Promise<{ readonly version: number; readonly seen: SeenBindings | undefined }> {
  const found = await control.read(document);
  const { bindings, changedAt, round } = Object(found?.value);
  const isMap = typeof bindings === "object" && bindings !== null;
  const isReadable = isMap && Number.isSafeInteger(changedAt) && (round === undefined || isRebindingRound(round));
  return { version: found?.version ?? 0, seen: isReadable ? (found?.value as SeenBindings) : undefined };
}

function isRebindingRound(value: unknown): value is RebindingRound {
  const { activities, from } = Object(value);
  return Array.isArray(activities) && Number.isSafeInteger(from) && isRoundPlace(value);
}
