import { setMaxListeners } from "node:events";
import { describeError, isTailwakeError, TailwakeError } from "../contract/error.ts";
import type { Outcome } from "../contract/outcome.ts";
import type { Tail } from "../contract/tail.ts";
import { unstorableIn } from "../contract/view.ts";
import type { Binding } from "../engines/binding.ts";
import type { ChildWait } from "../engines/engine.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import type { Span } from "../engines/tracer.ts";
import { linkedAbortController, noLongerNeeded } from "../foundation/linked-abort-controller.ts";
import { type Logger, withFields } from "../foundation/logger.ts";
import { persist } from "../tasks/persist.ts";
import { withRun } from "../tasks/recent-runs.ts";
import { type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import type { Progress, ViewChange } from "../tasks/transitions.ts";
import type { Update, Written } from "../tasks/update.ts";
import type { OpenStream } from "../upstream/event-stream.ts";
import type { WakeClass } from "../wake/wake.ts";
import { beginProgress, type RunProgress } from "./run-progress.ts";
import type { Watch } from "./watch.ts";

/** A larger view is stored as an item of its own. */
const maxInlineViewBytes = 4096;
/** What is left of an invocation after the last try of a write: to give the lease back, and to answer. */
const timeToAnswerMs = 1_000;

/** Everything that a run starts with. */
export interface RunStart {
  readonly ports: Ports;
  readonly binding: Binding;
  readonly invocation: Invocation;
  /** The record that acquire wrote. */
  readonly record: TaskRecord;
  readonly wake: WakeClass;
  /** Eager: connects the run with its leader. */
  readonly watch: Watch | undefined;
  readonly span: Span;
}

/**
 * The state of one run of a task, besides its {@link RunProgress}. The run writes only by `write`, which notices a lost
 * lease. From then on the run can change nothing (T2).
 */
export type RunState = Readonly<OwnState>;

export const beginRun = (start: RunStart): RunState => new OwnState(start);

class OwnState {
  readonly ports: Ports;
  /** Adds the task, its address and its fence to each line. */
  readonly log: Logger;
  readonly binding: Binding;
  readonly invocation: Invocation;
  readonly key: TaskKey;
  readonly token: string;
  /** The fence of this run. After a commit, `record` may already have the fence of the next run. */
  readonly fence: number;
  readonly watch: Watch | undefined;
  readonly span: Span;
  readonly progress: RunProgress;
  /** The tail at acquire. A run that ends at another tail has made progress. */
  readonly firstTail: Tail;
  /** Aborts at the deadline, or when the lease is lost. */
  readonly signal: AbortSignal;

  /** As this run last read or wrote it. */
  record: TaskRecord;
  /** `wakeCount` before the stream was opened (rule 2). */
  seenWakeCount: number;
  /** The lease is lost, or the run is over. */
  lost = false;
  /** Whether the task awaits a child that has not completed. */
  wait: ChildWait;
  /** The run has started a child that was not there before. */
  hasStarted = false;
  /** A pass of this run has caught up, and the run went on. */
  hasCaughtUp = false;
  /** Watching: when the last `act` returned, in milliseconds since 1970. */
  actEndedAt = 0;
  /** Watching: the progress of the last pass is not written yet. */
  unwritten = false;
  /** When this run last wrote, in milliseconds since 1970. */
  writtenAt = 0;
  /** The stream of the current pass; a watching run keeps it between its passes. */
  stream: OpenStream | undefined;

  /** Why the task runs. */
  readonly wake: WakeClass;
  readonly #startedAt: number;
  readonly #ends: AbortController;
  #outcome: Outcome["type"] | undefined;
  #viewNumber = 0;
  /** Events of the streams before the open one. */
  #eventsBefore = 0;

  constructor({ ports, binding, invocation, record, wake, watch, span }: RunStart) {
    this.ports = ports;
    this.binding = binding;
    this.invocation = invocation;
    const { entity, kind, activity } = record;
    this.key = { entity, kind, activity };
    this.token = record.token ?? "";
    this.fence = record.fence;
    this.watch = watch;
    this.span = span;
    this.progress = beginProgress(binding.declaration.behaviour, record);
    this.firstTail = record.tail;
    // Logs the fields of the address under their own names, as nog's Go packages do.
    const task = taskName(this.key);
    this.log = withFields(ports.log, { activity, ...record.address, task, fence: record.fence });
    this.#ends = linkedAbortController(invocation.signal);
    this.signal = this.#ends.signal;
    // An activity may have any number of concurrent calls, each with a listener. That is no leak.
    setMaxListeners(0, this.signal);
    this.wake = wake;
    this.#startedAt = ports.clock.now();
    this.record = record;
    this.wait = record.awaiting ? "kept" : "none";
    this.seenWakeCount = record.wakeCount;
  }

  /** Events handed out so far. */
  get events(): number {
    return this.#eventsBefore + (this.stream?.delivered ?? 0);
  }

  /** The activity is about to be called. It says anew whether it waits for a child. */
  beginCall(): void {
    this.wait = "none";
  }

  /** The activity asked for a wake when a child completes, and the child has not completed (rule 13). */
  awaitChild(): void {
    this.wait = "asked";
  }

  startedChild(): void {
    this.hasStarted = true;
  }

  endAct(): void {
    this.actEndedAt = this.ports.clock.now();
  }

  endPass(outcome: Outcome): void {
    this.#outcome = outcome.type;
  }

  readFrom(stream: OpenStream): void {
    this.#eventsBefore = this.events;
    this.stream = stream;
  }

  /** A pass has caught up and the run watches on; `unwritten` says whether a later write has to store its progress. */
  goOn(tail: Tail, unwritten: boolean): void {
    this.hasCaughtUp = true;
    this.unwritten = unwritten;
    this.progress.goOnFrom(tail, false);
  }

  /** A pass has caught up; the run has stored its progress, keeps its lease, and goes on. */
  goOnStored(tail: Tail): void {
    this.hasCaughtUp = true;
    this.seenWakeCount = this.record.wakeCount;
    this.progress.goOnFrom(tail, true);
  }

  /**
   * Writes one transition. If it is refused and the record has another token, the lease is lost. Tries again while the
   * table does not answer, until just before the end of the invocation, since a run that cannot write has not died
   * (rule 5).
   */
  write(update: Update): Promise<Written> {
    const { operation } = update;
    return this.ports.tracer.within("tailwake.commit", { operation }, async (span) => {
      const written = await this.#persist(operation, () => this.ports.store.update(this.key, update));
      if (written.applied) {
        this.record = written.record;
        this.writtenAt = this.ports.clock.now();
        this.unwritten = false;
      } else if (written.record?.token !== this.token) this.#lose(operation);
      span.set({ applied: written.applied });
      return written;
    });
  }

  #persist<T>(what: string, request: () => Promise<T>): Promise<T> {
    const until = this.invocation.hardEnd - timeToAnswerMs;
    return persist(this.ports, until, request, (error) =>
      this.log.warn("commit failed", { what, err: describeError(error) }),
    );
  }

  /** Refuses a start or a checkpoint after the lease is lost or the run is over (rule 13). Throws "lease-lost". */
  assertHeld(operation: string): void {
    if (this.lost) throw leaseLost(this.key, operation);
  }

  /** The run is over. Its activity can write nothing any more. */
  end(): void {
    this.stream?.close();
    this.lost = true;
    this.#ends.abort(noLongerNeeded);
  }

  #lose(operation: string): void {
    this.lost = true;
    this.#ends.abort(leaseLost(this.key, operation));
  }

  /** The progress to write at `tail`. Stores a large view as an item first. */
  async progressAt(tail: Tail): Promise<Progress> {
    this.progress.assertStorable(tail);
    const { acted, actedAhead, tailSeenAt } = this.progress;
    const asksAgain = this.wait === "kept";
    return { tail, view: await this.#viewChange(), acted, actedAhead, tailSeenAt, asksAgain, runs: this.runs(tail) };
  }

  /** The text of the last runs, with this one, for a commit at `tail`; undefined before the first pass has ended. */
  runs(tail: Tail): string | undefined {
    const { fence, events } = this;
    const outcome = this.#outcome;
    if (outcome === undefined) return undefined;
    const startedAt = this.#startedAt;
    const durationMs = Math.max(0, this.ports.clock.now() - startedAt);
    return withRun(this.record.runs, { fence, startedAt, durationMs, events, wake: this.wake, outcome, tail });
  }

  /** Deletes the item of the view before the commit. If that fails, only an orphan remains. */
  async dropOldView(before: string | undefined): Promise<void> {
    if (before === undefined || before === this.record.viewRef) return;
    try {
      await this.ports.store.deleteView(this.key, before);
    } catch (error) {
      this.log.warn("old view not deleted", { view: before, err: error });
    }
  }

  async #viewChange(): Promise<ViewChange> {
    const { behaviour } = this.binding.declaration;
    const { view } = this.progress;
    if (behaviour.type !== "viewed" || !view?.changed) return { type: "unchanged" };
    const json = this.#viewJson(view.value);
    const { version } = behaviour.view;
    const bytes = Buffer.byteLength(json);
    this.ports.meter.add("ViewBytes", bytes, { activity: this.key.activity });
    if (bytes <= maxInlineViewBytes) return { type: "inline", json, version };
    // The fence makes the name unique: a run that lost its lease must not change the view of the run that has it.
    const name = `${this.record.fence}.${++this.#viewNumber}`;
    await this.#persist("view", () => this.ports.store.putView(this.key, name, json));
    return { type: "item", name, version };
  }

  /** Throws for a view that JSON would not restore unchanged: the tail must not move without its view (T5). */
  #viewJson(view: unknown): string {
    const unstorable = view === undefined ? { path: "view", what: "nothing" } : unstorableIn(view);
    if (!unstorable) return JSON.stringify(view);
    throw new TailwakeError({
      code: "view-not-storable",
      subject: `view of ${taskName(this.key)}`,
      expected: "what JSON gives back as it was; keep a Date as milliseconds, a Map or Set as an object or array",
      received: `${unstorable.what} at ${unstorable.path}`,
    });
  }
}

function leaseLost(key: TaskKey, operation: string): TailwakeError {
  return new TailwakeError({
    code: "lease-lost",
    subject: `run of ${taskName(key)}`,
    expected: `to hold the lease for ${operation}`,
    received: "a lease that has ended, or that another run holds",
  });
}

export const isLeaseLost = (error: unknown): boolean => isTailwakeError(error, "lease-lost");
