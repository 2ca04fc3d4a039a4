import { setMaxListeners } from "node:events";
import { isTailwakeError, TailwakeError } from "../contract/error.ts";
import type { Outcome } from "../contract/outcome.ts";
import type { Tail } from "../contract/tail.ts";
import { unstorableIn } from "../contract/view.ts";
import type { Binding } from "../engines/binding.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import { noSpan, type Span } from "../engines/tracer.ts";
import { linkedAbortController, noLongerNeeded } from "../foundation/linked-abort-controller.ts";
import { type Logger, withFields } from "../foundation/logger.ts";
import { withRun } from "../tasks/recent-runs.ts";
import { type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import type { Progress, ViewChange } from "../tasks/transitions.ts";
import type { Update, Written } from "../tasks/update.ts";
import type { OpenStream } from "../upstream/event-stream.ts";
import type { WakeClass } from "../wake/wake.ts";
import type { Watch } from "./watch.ts";

/** A larger view than this is an item of its own. */
const maxInlineViewBytes = 4096;

/** A view in memory, between the rounds of one run. */
export interface LoadedView {
  value: unknown;
  /** Differs from what is stored. */
  changed: boolean;
}

/**
 * One run of a task: what it holds and how far it got. Everything it writes goes through {@link RunState.write}, which
 * notices when the lease is lost: from then on the run can change nothing (T2).
 */
export class RunState {
  readonly ports: Ports;
  /** Each line of the run says whose it is. */
  readonly log: Logger;
  readonly binding: Binding;
  readonly invocation: Invocation;
  readonly key: TaskKey;
  readonly token: string;
  /** Of this run. The record that comes back from a commit may already be that of the next one. */
  readonly fence: number;
  readonly #ends: AbortController;
  /** The lease is lost, or the run is over. */
  #lost = false;

  /** As last read or written by this run. */
  record: TaskRecord;
  /** `wakes` as it was before the stream was opened (rule 2). */
  seenWakeCount: number;
  /** The tail at acquire: progress is what differs from it. */
  readonly firstTail: Tail;
  /** The last tail that the activity advanced to. */
  tail: Tail;
  /** Level 2. */
  view: LoadedView | undefined;
  acted: Progress["acted"] = "unchanged";
  actedAhead = false;
  /** Waits for a child that has not completed. */
  awaiting = false;
  /** When the server showed that it knows the tail, in milliseconds since 1970 (rule 18). */
  tailSeenAt: Progress["tailSeenAt"] = "unchanged";
  /** Called when the server no longer knows the tail: whatever was made of the events before it starts over. */
  onTailUnknown: () => void = () => {};
  /** Eager: what the run and its leader have to say to each other. */
  readonly watch: Watch | undefined;
  /** A round of this run has caught up. */
  hasCaughtUp = false;
  /** Watching: when the last `act` returned, in milliseconds since 1970. */
  actEndedAt = 0;
  /** Watching: how far the last round got is not written yet. */
  unwritten = false;
  /** When this run last wrote, in milliseconds since 1970. */
  writtenAt = 0;
  span: Span = noSpan;
  /** How the last round ended. */
  outcome: Outcome["type"] | undefined;
  readonly #wake: WakeClass;
  readonly #startedAt: number;
  #viewNumber = 0;
  #stream: OpenStream | undefined;
  /** Events of the streams before this one. */
  #eventsBefore = 0;

  constructor(
    ports: Ports,
    binding: Binding,
    invocation: Invocation,
    record: TaskRecord,
    wake: WakeClass,
    watch?: Watch,
  ) {
    this.ports = ports;
    this.binding = binding;
    this.invocation = invocation;
    const { entity, kind, activity } = record;
    this.key = { entity, kind, activity };
    this.token = record.token ?? "";
    this.fence = record.fence;
    // The ids of the seed's log lines: the address, under its own names.
    const task = taskName(this.key);
    this.log = withFields(ports.log, { activity, ...record.address, task, fence: record.fence });
    this.#ends = linkedAbortController(invocation.signal);
    // An activity may have any number of calls under way: that is no leak.
    setMaxListeners(0, this.signal);
    this.watch = watch;
    this.#wake = wake;
    this.#startedAt = ports.clock.now();
    this.record = record;
    this.seenWakeCount = record.wakeCount;
    this.firstTail = record.tail;
    this.tail = record.tail;
  }

  /** The stream of the round under way; a watching run keeps it between its rounds. */
  get stream(): OpenStream | undefined {
    return this.#stream;
  }

  set stream(next: OpenStream) {
    this.#eventsBefore = this.events;
    this.#stream = next;
  }

  /** Events handed out so far. */
  get events(): number {
    return this.#eventsBefore + (this.#stream?.delivered ?? 0);
  }

  /** Aborts at the deadline, or when the lease is lost. */
  get signal(): AbortSignal {
    return this.#ends.signal;
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** Writes one transition; a refusal by someone else's token means that the lease is lost. */
  write(update: Update): Promise<Written> {
    const { operation } = update;
    return this.ports.tracer.within("tailwake.commit", { operation }, async (span) => {
      const written = await this.#write(update);
      span.set({ applied: written.applied });
      return written;
    });
  }

  async #write(update: Update): Promise<Written> {
    const written = await this.ports.store.update(this.key, update);
    if (written.applied) {
      this.record = written.record;
      this.writtenAt = this.ports.clock.now();
      this.unwritten = false;
    } else if (written.record?.token !== this.token) this.#lose(update.operation);
    return written;
  }

  /** Starts and checkpoints are refused once the lease is known to be lost or the run is over (rule 13). */
  assertHeld(operation: string): void {
    if (this.lost) throw leaseLost(this.key, operation);
  }

  /** The run is over: what its activity may still try comes too late. */
  end(): void {
    this.stream?.close();
    this.#lost = true;
    this.#ends.abort(noLongerNeeded);
  }

  #lose(operation: string): void {
    this.#lost = true;
    this.#ends.abort(leaseLost(this.key, operation));
  }

  /** Goes back to what is stored: a view that is half changed, or cannot be stored, has no tail (T5). */
  discardView(): void {
    this.view = undefined;
    this.tail = this.record.tail;
    this.acted = "unchanged";
  }

  /** What to write of how far the run got, with the view put into an item first if it is large. */
  async progress(tail: Tail): Promise<Progress> {
    const { acted, actedAhead, tailSeenAt } = this;
    return { tail, view: await this.#viewChange(), acted, actedAhead, tailSeenAt, runs: this.runs(tail) };
  }

  /** The last runs, with this one, for a commit at `tail`; undefined before its first round has ended. */
  runs(tail: Tail): string | undefined {
    const { outcome, fence, events } = this;
    if (outcome === undefined) return undefined;
    const startedAt = this.#startedAt;
    const durationMs = Math.max(0, this.ports.clock.now() - startedAt);
    return withRun(this.record.runs, { fence, startedAt, durationMs, events, wake: this.#wake, outcome, tail });
  }

  /** After a commit: the item of the view before it is of no use. A failure leaves an orphan, nothing worse. */
  async dropOldView(before: string | undefined): Promise<void> {
    if (before === undefined || before === this.record.viewRef) return;
    try {
      await this.ports.store.deleteView(this.key, before);
    } catch (error) {
      this.log.warn("old view not deleted", { view: before, err: error });
    }
  }

  /** A view that would come back as another one is refused: the tail must not move without it (T5). */
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

  async #viewChange(): Promise<ViewChange> {
    const { behaviour } = this.binding.declaration;
    if (behaviour.type !== "viewed" || !this.view?.changed) return { type: "unchanged" };
    const json = this.#viewJson(this.view.value);
    const { version } = behaviour.view;
    const bytes = Buffer.byteLength(json);
    this.ports.meter.add("ViewBytes", bytes, { activity: this.key.activity });
    if (bytes <= maxInlineViewBytes) return { type: "inline", json, version };
    // A name that no other run can write: a run that lost its lease must not change the view of the one that has it.
    const name = `${this.record.fence}.${++this.#viewNumber}`;
    await this.ports.store.putView(this.key, name, json);
    return { type: "item", name, version };
  }
}

function leaseLost(key: TaskKey, operation: string): TailwakeError {
  return new TailwakeError({
    code: "lease-lost",
    subject: `run of ${taskName(key)}`,
    expected: `to hold the lease for ${operation}`,
    received: "a lease that is over or taken by another run",
  });
}

export const isLeaseLost = (error: unknown): boolean => isTailwakeError(error, "lease-lost");
