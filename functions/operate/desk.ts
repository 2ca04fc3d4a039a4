import type { EventId } from "../contract/tail.ts";
import type { Binding } from "../engines/binding.ts";
import { readBreaker } from "../engines/breakers.ts";
import type { Machinery } from "../engines/engine.ts";
import { type HolderState, readHolder } from "../engines/holder.ts";
import { type LastTick, readLastTick } from "../engines/last-tick.ts";
import { openTaskStream } from "../engines/open-stream.ts";
import { type QueueAge, readQueueAge } from "../engines/queue-age.ts";
import { statusOf } from "../engines/start.ts";
import { type RecentRun, recentRuns } from "../tasks/recent-runs.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { eagerHolder, type HolderName } from "../wake/holder-name.ts";
import { type Action, readActions } from "./actions.ts";
import { findTask } from "./find.ts";
import { createOperators, type Operators } from "./operators.ts";
import { type Overview, Tally, type UpstreamState } from "./overview.ts";
import { type Why, why } from "./why.ts";

/** Which tasks: all that fit every field that is there. */
export interface Filter {
  /** As people see it: "paused" whatever the status behind it. */
  readonly status?: string | undefined;
  readonly kind?: string | undefined;
  readonly activity?: string | undefined;
  /** The beginning of the entity's id. */
  readonly entity?: string | undefined;
  /** A part of the last error's message. */
  readonly error?: string | undefined;
}

/** One task, as `show` and the console have it. */
export interface TaskLook {
  readonly record: TaskRecord;
  readonly why: Why;
  /** The last one first. */
  readonly runs: readonly RecentRun[];
  /** The view as JSON; undefined if there is none. */
  readonly view: string | undefined;
}

/** Where a task stands in its stream. */
export interface Lag {
  /** Events after the tail that were counted. */
  readonly events: number;
  /** There are more than were counted. */
  readonly more: boolean;
  /** The last event of the stream; undefined if none was counted, or not all were. */
  readonly head: EventId | undefined;
}

/** An event after a task's tail, for people. */
export interface SeenEvent {
  readonly id: EventId;
  readonly event: unknown;
}

export interface Engines {
  readonly lastTick: LastTick | undefined;
  /** How late the queue was when a message last came late. */
  readonly queueAge: QueueAge | undefined;
  readonly holders: readonly { readonly name: HolderName; readonly state: HolderState | undefined }[];
}

/** Events that a look at the lag reads at most. */
const mostCounted = 1_000;

/**
 * What operators see and do of one deployment. With an app that binds no activity everything works that needs no stream:
 * the rest throws the `TailwakeError` of an unknown kind or activity.
 */
export class Desk {
  readonly machinery: Machinery;
  readonly operators: Operators;
  readonly #upstreams: readonly string[];

  constructor(machinery: Machinery, upstreams: readonly string[]) {
    this.machinery = machinery;
    this.#upstreams = upstreams;
    const engineOf = (record: TaskRecord) => this.bindingOf(record)?.engine ?? record.engine;
    this.operators = createOperators({ ...machinery, engineOf });
  }

  /** Undefined if the app does not have the activity. */
  bindingOf(record: TaskRecord): Binding | undefined {
    return [...this.machinery.bindings].find(
      ({ stream, declaration }) => stream.kind === record.kind && declaration.name === record.activity,
    );
  }

  /** Reads the whole table. */
  async overview(): Promise<Overview> {
    const { store, clock, control } = this.machinery;
    const tally = new Tally(clock.now());
    const [lastTick, upstreams] = await Promise.all([readLastTick(control), this.upstreams()]);
    for await (const record of store.list((error) => tally.addUnreadable(error.message))) tally.add(record);
    return tally.overview({ lastTick, upstreams });
  }

  /** Reads the whole table, page by page. `onMalformed` gets the records that cannot be read. */
  async *list(filter: Filter = {}, onMalformed: (error: Error) => void = () => {}): AsyncIterable<TaskRecord> {
    for await (const record of this.machinery.store.list(onMalformed)) if (fits(record, filter)) yield record;
  }

  /** By its printed name, or a beginning that only one task has. Throws a `TailwakeError` ("unknown-task"). */
  find(text: string): Promise<TaskRecord> {
    return findTask(this.machinery.store, text);
  }

  async look(record: TaskRecord): Promise<TaskLook> {
    const { store, control, clock } = this.machinery;
    const name = this.bindingOf(record)?.stream.upstream;
    const [lastTick, breaker, large] = await Promise.all([
      readLastTick(control),
      name === undefined ? undefined : this.#upstream(name),
      record.viewRef === undefined ? undefined : store.getView(record, record.viewRef),
    ]);
    return {
      record,
      why: why(record, { now: clock.now(), lastTick, upstream: breaker }),
      runs: recentRuns(record.runs),
      view: record.view ?? large,
    };
  }

  /** Reads the events after the tail, without the lease and without a write. Throws the server's `ConnectError`. */
  async lag(record: TaskRecord, signal: AbortSignal): Promise<Lag> {
    let events = 0;
    let head: EventId | undefined;
    for await (const { id } of this.events(record, { follow: false, signal })) {
      if (events === mostCounted) return { events, more: true, head: undefined };
      events++;
      head = id;
    }
    return { events, more: false, head };
  }

  /** The events after the tail; with `follow` also those to come. Ends when `signal` aborts. */
  async *events(
    record: TaskRecord,
    { follow, signal }: { readonly follow: boolean; readonly signal: AbortSignal },
  ): AsyncIterable<SeenEvent> {
    const binding = this.machinery.bindings.find(record);
    const position = { tail: record.tail, watch: follow, signal };
    const stream = await openTaskStream(this.machinery, binding, record, position);
    try {
      do yield* stream;
      while (follow && (await stream.untilNews()) === "news");
    } finally {
      stream.close();
    }
  }

  /** All upstreams of the app with their breakers. */
  upstreams(): Promise<readonly UpstreamState[]> {
    return Promise.all(this.#upstreams.map((name) => this.#upstream(name)));
  }

  async engines(): Promise<Engines> {
    const { control, limits } = this.machinery;
    const shards = Array.from({ length: limits.eagerShards }, (_, shard) => eagerHolder(shard, limits.eagerShards));
    const [lastTick, queueAge, ...holders] = await Promise.all([
      readLastTick(control),
      readQueueAge(control),
      ...(["signals", ...shards] as const).map(async (name) => ({
        name,
        state: (await readHolder(control, name)).state,
      })),
    ]);
    return { lastTick, queueAge, holders: holders.filter(({ state }) => state !== undefined) };
  }

  /** Ends the connections to the upstreams, which would keep a process from its end. */
  close(): void {
    for (const name of this.#upstreams) this.machinery.upstream(name).close();
  }

  /** What operators did last. */
  actions(): Promise<readonly Action[]> {
    return readActions(this.machinery.control);
  }

  async #upstream(name: string): Promise<UpstreamState> {
    const { state } = await readBreaker(this.machinery.control, name);
    return { name, breaker: state };
  }
}

function fits(record: TaskRecord, { status, kind, activity, entity, error }: Filter): boolean {
  return (
    (status === undefined || statusOf(record) === status) &&
    (kind === undefined || record.kind === kind) &&
    (activity === undefined || record.activity === activity) &&
    (entity === undefined || record.entity.startsWith(entity)) &&
    (error === undefined || (record.error?.message.includes(error) ?? false))
  );
}
