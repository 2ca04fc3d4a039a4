import { decodeTime, isValid as isUlid } from "ulid";
import { describeError, TailwakeError } from "../contract/error.ts";
import { timeOf } from "../contract/event-time.ts";
import type { Recorded } from "../contract/stream.ts";
import { type EventId, epoch } from "../contract/tail.ts";
import type { Binding } from "../engines/binding.ts";
import { Breakers, readBreaker } from "../engines/breakers.ts";
import type { Ports } from "../engines/ports.ts";
import { type LeaderState, readLeader } from "../leaders/leadership.ts";
import { type LateQueue, readLateQueues } from "../queue/queue-age.ts";
import { openTaskStream } from "../run/open-stream.ts";
import { MemoryControlStore } from "../tasks/memory-control.ts";
import { type RecentRun, recentRuns } from "../tasks/recent-runs.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { type LastTick, readLastTick } from "../tick/last-tick.ts";
import { eagerLeader, type LeaderName } from "../wake/leader-name.ts";
import { type Action, readActions } from "./actions.ts";
import { eventJson } from "./event-json.ts";
import { type Filter, fits } from "./filter.ts";
import { findTask } from "./find.ts";
import { createOperators, type OperatorPorts, type Operators } from "./operators.ts";
import { type Overview, Tally, type UpstreamState } from "./overview.ts";
import { type Why, why } from "./why.ts";

/** One task, as `show` and the console print it. */
export interface TaskDetails {
  readonly record: TaskRecord;
  readonly why: Why;
  /** When the tail's event was made, in milliseconds since 1970; undefined if unknown. */
  readonly tailMadeAt: number | undefined;
  /** The newest first. */
  readonly runs: readonly RecentRun[];
  /** The view as JSON; undefined if there is none. */
  readonly view: string | undefined;
  /** The names of tasks that wait for it, ten at most of any number. */
  readonly waiters: readonly string[];
}

const maxWaiters = 10;

/** How far a task is behind the head of its stream. */
export interface Lag {
  /** Events after the tail that were counted. */
  readonly events: number;
  /** Whether there are more, or may be. */
  readonly more: boolean;
  /** The last event of the stream; undefined if none or not all were counted. */
  readonly head: EventId | undefined;
}

/** An event after a task's tail, for people. */
export interface SeenEvent {
  readonly id: EventId;
  /** When it was made, in milliseconds since 1970; undefined if unknown. */
  readonly at: number | undefined;
  /** The event as JSON, or `{ unreadable }` with the error. */
  json(): unknown;
}

export interface Engines {
  readonly lastTick: LastTick | undefined;
  /** The queues that have been late, each with the age of its last late message. */
  readonly lateQueues: readonly LateQueue[];
  readonly leaders: readonly { readonly name: LeaderName; readonly state: LeaderState | undefined }[];
}

/** Maximum of events that `lag` reads. */
const maxCounted = 1_000;

/**
 * Everything that operators read and do in one deployment. With an app that binds no activity, the methods that need a
 * stream throw a `TailwakeError` ("unknown-kind" or "unknown-activity").
 */
export class Desk {
  readonly ports: Ports & OperatorPorts;
  readonly operators: Operators;
  /** The ports for reading streams. Their failures must not trip the breakers of the functions. */
  readonly #reading: Ports;
  readonly #upstreams: readonly string[];

  constructor(ports: Ports, upstreams: readonly string[]) {
    this.#upstreams = upstreams;
    const engineOf = (record: TaskRecord) => this.bindingOf(record)?.engine ?? record.engine;
    this.ports = { ...ports, engineOf };
    this.operators = createOperators(this.ports);
    this.#reading = { ...ports, breakers: new Breakers({ ...ports, control: new MemoryControlStore() }) };
  }

  /** Undefined if the app does not have the activity. */
  bindingOf(record: TaskRecord): Binding | undefined {
    return [...this.ports.bindings].find(
      ({ stream, declaration }) => stream.kind === record.kind && declaration.name === record.activity,
    );
  }

  /** Adds up the whole table. Calls `each` with every record, for a caller that also lists them. */
  async overview(each: (record: TaskRecord) => void = () => {}): Promise<Overview> {
    const { store, clock, control } = this.ports;
    const tally = new Tally(clock.now());
    const [lastTick, upstreams] = await Promise.all([readLastTick(control), this.upstreams()]);
    for await (const record of store.list((error) => tally.addUnreadable(error.message))) {
      tally.add(record);
      each(record);
    }
    return tally.overview({ lastTick, upstreams });
  }

  /** Reads the whole table, page by page. Calls `onMalformed` with the error of each record that cannot be read. */
  async *list(filter: Filter = {}, onMalformed: (error: Error) => void = () => {}): AsyncIterable<TaskRecord> {
    for await (const record of this.ports.store.list(onMalformed)) if (fits(record, filter)) yield record;
  }

  /** Finds a task by its printed name, or a prefix that only one task has. Throws a `TailwakeError` ("unknown-task"). */
  find(text: string): Promise<TaskRecord> {
    return findTask(this.ports.store, text);
  }

  /** Reads everything about a task but its stream. */
  async check(record: TaskRecord): Promise<TaskDetails> {
    const { store, control, clock } = this.ports;
    const name = this.bindingOf(record)?.stream.upstream;
    const [lastTick, breaker, large, waiters] = await Promise.all([
      readLastTick(control),
      name === undefined ? undefined : this.#upstream(name),
      record.viewRef === undefined ? undefined : store.getView(record, record.viewRef),
      store.waiters(record, maxWaiters),
    ]);
    return {
      record,
      tailMadeAt: this.#madeAt(record),
      why: why(record, { now: clock.now(), lastTick, upstream: breaker }),
      runs: recentRuns(record.runs),
      view: record.view ?? large,
      waiters: [...(record.waiters ?? []), ...waiters].slice(0, maxWaiters),
    };
  }

  /** Counts the events after the tail, without the lease and without a write. Throws the server's `ConnectError`. */
  async lag(record: TaskRecord, signal: AbortSignal): Promise<Lag> {
    let events = 0;
    let head: EventId | undefined;
    for await (const { id } of this.events(record, { follow: false, signal })) {
      if (events === maxCounted) return { events, more: true, head: undefined };
      events++;
      head = id;
    }
    // An aborted stream ends as if there were no more events.
    return signal.aborted ? { events, more: true, head: undefined } : { events, more: false, head };
  }

  /** The events after the tail; with `follow` also new ones, until `signal` aborts. Throws the server's `ConnectError`. */
  async *events(
    record: TaskRecord,
    { follow, signal }: { readonly follow: boolean; readonly signal: AbortSignal },
  ): AsyncIterable<SeenEvent> {
    const binding = this.ports.bindings.find(record);
    const position = { tail: record.tail, watch: follow, signal };
    const stream = await openTaskStream(this.#reading, binding, record, position);
    try {
      do for await (const recorded of stream) yield seen(binding, recorded);
      while (follow && (await stream.untilNews()) === "news");
    } finally {
      stream.close();
    }
  }

  /** All upstreams of the app with their breakers. */
  upstreams(): Promise<readonly UpstreamState[]> {
    return Promise.all(this.#upstreams.map((name) => this.#upstream(name)));
  }

  /**
   * Throws a `TailwakeError` ("unknown-upstream") for an upstream that the app does not have; without an app, for one
   * that has no breaker in the table.
   */
  async checkUpstream(name: string): Promise<void> {
    if (this.#upstreams.includes(name)) return;
    if (this.#upstreams.length === 0 && (await readBreaker(this.ports.control, name)).version > 0) return;
    throw new TailwakeError({
      code: "unknown-upstream",
      subject: `upstream ${name}`,
      expected: "an upstream of the app, or one that has been out or paused before",
      received: `the app has ${this.#upstreams.join(", ") || "not been loaded"}`,
    });
  }

  async engines(): Promise<Engines> {
    const { control, limits } = this.ports;
    const shards = Array.from({ length: limits.eagerShards }, (_, shard) => eagerLeader(shard, limits.eagerShards));
    const [lastTick, lateQueues, ...leaders] = await Promise.all([
      readLastTick(control),
      readLateQueues(control),
      ...(["signals", ...shards] as const).map(async (name) => ({
        name,
        state: (await readLeader(control, name)).state,
      })),
    ]);
    return { lastTick, lateQueues, leaders: leaders.filter(({ state }) => state !== undefined) };
  }

  /** Closes the connections to the upstreams. Open ones keep the process from exiting. */
  close(): void {
    for (const name of this.#upstreams) this.ports.upstream(name).close();
  }

  /** The last actions of operators, the newest first. */
  actions(): Promise<readonly Action[]> {
    return readActions(this.ports.control);
  }

  #madeAt(record: TaskRecord): number | undefined {
    if (record.tail === epoch) return undefined;
    const stream = this.bindingOf(record)?.stream;
    if (stream) return timeOf(stream, { id: record.tail, event: undefined });
    return isUlid(record.tail) ? decodeTime(record.tail) : undefined;
  }

  async #upstream(name: string): Promise<UpstreamState> {
    const { state } = await readBreaker(this.ports.control, name);
    return { name, breaker: state };
  }
}

function seen({ stream }: Binding, recorded: Recorded<unknown>): SeenEvent {
  return {
    id: recorded.id,
    at: timeOf(stream, recorded),
    json() {
      try {
        return eventJson(stream, recorded.event);
      } catch (error) {
        return { unreadable: describeError(error) };
      }
    },
  };
}
