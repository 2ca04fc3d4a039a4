import { Code, ConnectError } from "@connectrpc/connect";
import type { Behaviour, WokenBy } from "../contract/activity.ts";
import { describeValue, TailwakeError } from "../contract/error.ts";
import {
  canceled,
  isDecision,
  isOutcome,
  isOutOfReach,
  latestTime,
  type Outcome,
  retry,
  thrownOutcome,
} from "../contract/outcome.ts";
import type { Recorded } from "../contract/stream.ts";
import { epoch } from "../contract/tail.ts";
import { noLongerNeeded } from "../foundation/linked-abort-controller.ts";
import { taskName } from "../tasks/record.ts";
import type { OpenStream } from "../upstream/event-stream.ts";
import { openAfterTail } from "./open-stream.ts";
import { createRunHandle, type RunHandle } from "./run-context.ts";
import type { RunState } from "./run-state.ts";

type Processor = Behaviour & { readonly type: "processor" };
type Viewed = Behaviour & { readonly type: "viewed" };

/** One pass of an activity over its stream, from the run's tail. Never throws: an error is an outcome, too. */
export async function attempt(state: RunState, wokenBy: WokenBy): Promise<Outcome> {
  const handle = createRunHandle(state, wokenBy);
  const { behaviour } = state.binding.declaration;
  const before = state.progress.tail;
  let outcome: Outcome;
  try {
    outcome = await (behaviour.type === "processor"
      ? processEvents(state, behaviour, handle)
      : loadAndAct(state, behaviour, handle));
  } catch (error) {
    const { tail } = state.progress;
    outcome = wasCanceled(state, error) ? canceled(tail) : thrownOutcome(error, tail);
  }
  if (isOutOfReach(outcome)) outcome = retry(state.progress.tail, outOfReach(state, outcome.at));
  try {
    const abandoned = await untilAbandoned(state, handle.startsSettled());
    if (abandoned) throw state.signal.reason;
  } catch (error) {
    // The child may not exist. So the events that asked for it must come again, and the view must go back (T5).
    const isCut = wasCanceled(state, error);
    // A retry acts by itself.
    state.progress.undo(before, state.record, isCut);
    const { tail } = state.progress;
    return isCut ? canceled(tail) : retry(tail, error);
  }
  // An aborted activity may have stopped early or be done. The next run finds out (T3).
  return outcome.type === "caughtUp" && state.signal.aborted ? canceled(outcome.tail) : outcome;
}

/** A gRPC `Canceled` or an abort is the run's own only if its signal was aborted. A dying server sends the same. */
function wasCanceled(state: RunState, error: unknown): boolean {
  if (!state.signal.aborted) return false;
  if (error === state.signal.reason) return true;
  if (error instanceof ConnectError) return error.code === Code.Canceled;
  return error instanceof Error && error.name === "AbortError";
}

// ── level 1 ──────────────────────────────────────────────────────────────────────────────────────

async function processEvents(state: RunState, behaviour: Processor, first: RunHandle): Promise<Outcome> {
  const stream = await openAfterTail(state);
  // If the server did not know the tail, the stream starts from epoch, and so does the activity.
  const { tail } = state.progress;
  const run = first.run.tail === tail ? first.run : { ...first.run, tail };
  state.beginCall();
  try {
    const outcome: unknown = await untilAbandoned(state, behaviour.processEvents(run, stream));
    if (isOutcome(outcome)) return outcome;
    throw notTheContract(state, "processEvents", "an outcome with its tail, as caughtUp(tail)", outcome);
  } finally {
    leave(state);
  }
}

// ── level 2 ──────────────────────────────────────────────────────────────────────────────────────

/** Folds the events into the view without acting, then acts once, if there is news (rule 14). */
async function loadAndAct(state: RunState, behaviour: Viewed, handle: RunHandle): Promise<Outcome> {
  const { record, progress } = state;
  if (!progress.view) await loadView(state, behaviour);
  // An earlier run stored events without acting on them.
  let news = record.acted === undefined || (!progress.actedAhead && record.acted !== record.tail);
  const stream = await openAfterTail(state);
  try {
    do {
      for await (const batch of stream.batches()) {
        for (const recorded of batch.events) {
          if (!progress.actedAhead) news = true;
          progress.fold(recorded, record, (view) => applyEvent(state, behaviour, view, recorded));
        }
      }
    } while (await ownEventsFollow(state, stream));
  } finally {
    leave(state);
  }
  if (state.signal.aborted) return canceled(progress.tail);
  // The last event acted on is not in the history any more, so nobody knows which events were acted on.
  if (progress.actedAhead) news = true;
  progress.passedActed();
  if (!news && !asksToAct(state, handle.context.wokenBy)) {
    progress.actedOnTail();
    return { type: "caughtUp", tail: progress.tail };
  }
  return act(state, behaviour, handle);
}

async function act(state: RunState, behaviour: Viewed, handle: RunHandle): Promise<Outcome> {
  const { progress } = state;
  state.beginCall();
  progress.beginAct();
  state.ports.observer?.onAct?.(state.key);
  const decision: unknown = await untilAbandoned(state, behaviour.act(progress.view?.value, handle.context));
  state.endAct();
  if (!isDecision(decision)) throw notTheContract(state, "act", "a decision, as caughtUp() or completed()", decision);
  if (decision.type === "caughtUp" && !state.signal.aborted) progress.actedOnTail();
  return { ...decision, tail: progress.tail };
}

/** How long after an `act` its own events are expected, and the maximum pause between two of them. */
const ownEventsMs = 1_000;
const pauseMs = 50;

/**
 * A watching run receives the events of its own `act`, one by one, with a head after each. To act at such a head would
 * use a state that the task itself has changed since. So the run waits until no more of them follow.
 */
async function ownEventsFollow(state: RunState, stream: OpenStream): Promise<boolean> {
  const { clock } = state.ports;
  if (!state.watch || state.signal.aborted || clock.now() - state.actEndedAt >= ownEventsMs) return false;
  const over = new AbortController();
  try {
    const pause = clock.sleep(pauseMs, AbortSignal.any([state.signal, over.signal]));
    return (await Promise.race([stream.untilNews(), pause])) === "news";
  } finally {
    over.abort(noLongerNeeded);
  }
}

const actingWakes: ReadonlySet<WokenBy> = new Set(["timer", "child", "operator"]);

function asksToAct(state: RunState, wokenBy: WokenBy): boolean {
  const { childDone, actAsked, awaiting } = state.record;
  // At its slot, a cron task looks at the children that it awaits.
  const looks = wokenBy === "interval" && awaiting === true;
  return actingWakes.has(wokenBy) || childDone === true || actAsked === true || looks;
}

async function loadView(state: RunState, behaviour: Viewed): Promise<void> {
  const { record, ports, key, progress } = state;
  const isUsable = record.viewVersion === behaviour.view.version && record.tail !== epoch;
  const json = isUsable && (record.view ?? (record.viewRef && (await ports.store.getView(key, record.viewRef))));
  if (json) progress.load(parseView(state, json), record);
  else progress.startOver(record);
}

/** Throws a `TailwakeError` ("malformed-record") that names the task. */
function parseView({ key }: RunState, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new TailwakeError({
      code: "malformed-record",
      subject: `view of ${taskName(key)}`,
      expected: "JSON",
      received: describeValue(json),
    });
  }
}

function applyEvent(state: RunState, behaviour: Viewed, view: unknown, recorded: Recorded<unknown>): void {
  const returned = behaviour.apply(view, recorded);
  if (returned !== undefined) throw notInPlace(state, returned);
}

// ── both ─────────────────────────────────────────────────────────────────────────────────────────

/** Closes the stream, unless the run watches it. */
function leave(state: RunState): void {
  if (!state.watch) state.stream?.close();
}

/** Waits for the activity, but at most until the invocation's `abandonAt`. */
async function untilAbandoned<T>(state: RunState, work: Promise<T> | T): Promise<T | Outcome> {
  const { ports, invocation } = state;
  const over = new AbortController();
  try {
    const first = await Promise.race([
      // The activity may return no promise, if it was not type-checked.
      Promise.resolve(work).then((value) => ({ value })),
      ports.clock.sleep(invocation.abandonAt - ports.clock.now(), over.signal).then(() => undefined),
    ]);
    if (first) return first.value;
  } finally {
    over.abort(noLongerNeeded);
  }
  invocation.abandoned(taskName(state.key));
  return canceled(state.progress.tail);
}

/** An `apply` that returns a value has changed a copy; one that returns a promise ends after the view is stored. */
function notInPlace(state: RunState, returned: unknown): TailwakeError {
  if (!isThenable(returned)) return notTheContract(state, "apply", "undefined (change the view in place)", returned);
  // Nobody awaits it: without this, its rejection would be unhandled.
  returned.then(undefined, () => {});
  return new TailwakeError({
    code: "invalid-argument",
    subject: `result of apply of ${taskName(state.key)}`,
    expected: "undefined: apply is not async; what has to be waited for belongs into act",
    received: "a promise",
  });
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";

/** A wait that was returned or thrown: no schedule can name its time (rule 17). */
function outOfReach({ key }: RunState, at: Date): TailwakeError {
  return new TailwakeError({
    code: "invalid-argument",
    subject: `silentRetryAfter of ${taskName(key)}`,
    expected: `a time until ${new Date(latestTime).toISOString()}`,
    received: at.toISOString(),
  });
}

function notTheContract(state: RunState, method: string, expected: string, received: unknown): TailwakeError {
  return new TailwakeError({
    code: "invalid-argument",
    subject: `result of ${method} of ${taskName(state.key)}`,
    expected,
    received: describeValue(received),
  });
}
