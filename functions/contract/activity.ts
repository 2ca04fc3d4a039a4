import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Logger } from "../foundation/logger.ts";
import { describeValue, TailwakeError } from "./error.ts";
import type { Decision, Outcome } from "./outcome.ts";
import {
  type Address,
  type AddressOf,
  checkName,
  type EventOf,
  type EventStream,
  type Recorded,
  type Stream,
} from "./stream.ts";
import type { Tail } from "./tail.ts";
import type { Stored, ViewDefinition } from "./view.ts";

/** Why a run was started. */
export type WokenBy = "start" | "signal" | "timer" | "interval" | "child" | "handOver" | "rescue" | "operator";

export type TaskStatus = "ready" | "running" | "sleeping" | "retrying" | "completed" | "parked" | "paused";

/** A run, as activities of both levels see it. */
export interface RunContext<S extends Stream> {
  readonly address: AddressOf<S>;
  readonly wokenBy: WokenBy;
  /** 1 + the failures in a row without progress so far: 1 for the first attempt, and after the activity has caught up. */
  readonly attempt: number;
  /** Rises with every run of the task. Pass it on as a fencing or idempotency token. */
  readonly fence: number;
  /** Aborts when the run has to end. That leaves time to commit before the invocation ends. */
  readonly signal: AbortSignal;
  /** The latest time at which `signal` aborts. */
  readonly deadline: Date;
  readonly log: Logger;
  now(): Date;
  /** A client of any service of the stream's upstream, bound to `signal` and the upstream's credentials. */
  client<D extends DescService>(service: D): Client<D>;
  /**
   * Starts a child task; idempotent. With `wake`, this task runs again when the child completes: return `caughtUp` to
   * wait for that. Resolves when the child's record is written. Rejects once this run has lost its lease.
   */
  start<C extends Stream>(
    child: Activity<C>,
    address: AddressOf<C>,
    options?: { readonly wake?: boolean },
  ): Promise<TaskStatus>;
}

/** A run, as a level 1 activity sees it. */
export interface Run<S extends Stream> extends RunContext<S> {
  readonly tail: Tail;
  /** Records progress in memory, without a write. The run commits it even if the activity throws or is aborted. */
  advance(tail: Tail): void;
  /** Writes progress to the table now. Rejects if this run has lost its lease. */
  checkpoint(tail: Tail): Promise<void>;
}

/** Code that processes the event stream of one aggregate until it has completed. */
export interface Activity<S extends Stream = Stream> {
  readonly name: string;
  readonly stream: S;
}

export interface ActivityOptions {
  /** Part of the table's key: never rename a deployed activity. */
  readonly name: string;
  /** Parks the task for an operator after this many failures in a row without progress. Default: never, as in Go. */
  readonly parkAfterAttempts?: number;
  /** True: news ends the wait of a `silentRetryAfter` early. Default false. */
  readonly signalsCutWaits?: boolean;
  /** Name of an entry in `createApp({ resources })`, which limits how many runs that name it are under way. */
  readonly resource?: string;
}

export interface ProcessorDefinition<S extends Stream> extends ActivityOptions {
  processEvents(run: Run<S>, stream: EventStream<EventOf<S>>): Promise<Outcome>;
}

export interface ActivityDefinition<S extends Stream, V, R = undefined> extends ActivityOptions {
  readonly view: ViewDefinition<V>;
  /**
   * Changes `view` in place; deterministic, without other effects. A throw discards the view. The engine refuses a
   * returned copy, which would be lost and takes O(n²) over a long history, and a promise, which it does not await.
   */
  apply(view: V, recorded: Recorded<EventOf<S>>): R;
  /**
   * Acts on the view when the view holds the whole stream and there is news: an event since the last `act` that ended
   * in `caughtUp`; a timer; a child; an operator's wake; a failed `act`. **Its side effects happen at least once**:
   * make them idempotent, or guard them with the upstream's version check or `run.fence`.
   */
  act(view: Readonly<V>, run: RunContext<S>): Promise<Decision>;
}

// For a wrong definition the compiler prints the text of a type that nothing is assignable to.

type ViewRule<V> = [V] extends [Stored<V>]
  ? unknown
  : { readonly view: "a view must survive JSON: no Date, Map, Set, bigint, Uint8Array or function" };

type ApplyRule<R> =
  Returning<R> extends Returning<void>
    ? unknown
    : R extends PromiseLike<unknown>
      ? { readonly apply: "apply is not async: what has to be waited for belongs into act" }
      : { readonly apply: "apply changes the view in place: a returned value would be lost" };

/** A function without a `return` has the result `void`, to which `undefined` is assignable. */
interface Returning<R> {
  readonly result: R;
}

/**
 * Defines a level 1 activity: a function of (run, stream) that returns an outcome with its tail. It keeps nothing
 * between runs. An activity that needs earlier events returns the tail `epoch`, or is a {@link defineActivity}. Throws
 * a `TailwakeError` ("invalid-definition").
 *
 * Source: nog's Go packages, grpcentities.go:87 at commit 4450389: `Process…Events(ctx, ids, tail, stream)
 * (ulid.I, error)`.
 */
export function defineProcessor<S extends Stream>(stream: S, definition: ProcessorDefinition<S>): Activity<S> {
  checkOptions(definition);
  return declare(stream, definition, { type: "processor", processEvents: definition.processEvents.bind(definition) });
}

/**
 * Defines a level 2 activity: `apply` folds the events into a view without side effects, then `act` acts on the view.
 * The engine stores the view beside the tail, so that it outlives the process. Throws a `TailwakeError`
 * ("invalid-definition").
 *
 * Source: the strategy that nog's Go packages recommend, grpcentities.go:48-55 at commit 4450389.
 */
export function defineActivity<S extends Stream, V, R = undefined>(
  stream: S,
  definition: ActivityDefinition<S, V, R> & ViewRule<V> & ApplyRule<R>,
): Activity<S> {
  const given: ActivityDefinition<S, V, R> = definition;
  checkOptions(given);
  if (!Number.isSafeInteger(given.view.version) || given.view.version < 0) {
    throw new TailwakeError({
      code: "invalid-definition",
      subject: `view.version of activity ${given.name}`,
      expected: "a whole number from 0",
      received: describeValue(given.view.version),
    });
  }
  return declare(stream, given, {
    type: "viewed",
    view: given.view,
    apply: given.apply.bind(given),
    act: given.act.bind(given),
  });
}

/** The code of an activity, as the engines call it: without the types of view and events. */
export type Behaviour =
  | { readonly type: "processor"; processEvents(run: Run<Stream>, stream: EventStream<unknown>): Promise<Outcome> }
  | {
      readonly type: "viewed";
      readonly view: ViewDefinition<unknown>;
      apply(view: unknown, recorded: Recorded<unknown>): unknown;
      act(view: unknown, run: RunContext<Stream>): Promise<Decision>;
    };

export interface ActivityDeclaration extends Activity {
  readonly parkAfterAttempts: number | undefined;
  readonly signalsCutWaits: boolean;
  readonly resource: string | undefined;
  readonly behaviour: Behaviour;
}

/** The declaration of an activity. Throws a `TailwakeError` ("invalid-definition") for any other object. */
export function behaviourOf(activity: Activity): ActivityDeclaration {
  if (typeof activity === "object" && activity !== null && "behaviour" in activity)
    return activity as ActivityDeclaration;
  throw new TailwakeError({
    code: "invalid-definition",
    subject: "activity",
    expected: "a value made by defineProcessor or defineActivity",
    received: describeValue(activity),
  });
}

function declare<S extends Stream>(stream: S, options: ActivityOptions, behaviour: object): Activity<S> {
  return Object.freeze({
    name: options.name,
    stream,
    parkAfterAttempts: options.parkAfterAttempts,
    signalsCutWaits: options.signalsCutWaits ?? false,
    resource: options.resource,
    behaviour,
  });
}

function checkOptions(options: ActivityOptions): void {
  checkName("activity name", options.name);
  if (options.resource !== undefined) checkName(`resource of activity ${options.name}`, options.resource);
  const limit = options.parkAfterAttempts;
  if (limit === undefined || (Number.isSafeInteger(limit) && limit >= 1)) return;
  throw new TailwakeError({
    code: "invalid-definition",
    subject: `parkAfterAttempts of activity ${options.name}`,
    expected: "a whole number from 1",
    received: describeValue(limit),
  });
}

/** A typed pair of activity and address. */
export interface Task {
  readonly activity: Activity;
  readonly address: Address;
}

export function task<S extends Stream>(activity: Activity<S>, address: AddressOf<S>): Task {
  return { activity, address };
}
