import type { Behaviour } from "../contract/activity.ts";
import type { Recorded } from "../contract/stream.ts";
import { epoch, type Tail } from "../contract/tail.ts";
import { invariant } from "../foundation/invariant.ts";
import type { TaskRecord } from "../tasks/record.ts";
import type { Progress } from "../tasks/transitions.ts";
import type { OpenStream } from "../upstream/event-stream.ts";

/** A view in memory. */
interface LoadedView {
  readonly value: unknown;
  /** Whether it differs from the stored view. */
  readonly changed: boolean;
}

/**
 * The progress of a run: its tail, its view, and the last event that it acted on. No other code writes them. Asserts two
 * promises: an activity reads on right after the tail (T1), and tail and view move together (T5).
 */
export type RunProgress = Readonly<OwnProgress>;

export const beginProgress = (behaviour: Behaviour, record: TaskRecord): RunProgress =>
  new OwnProgress(behaviour, record);

class OwnProgress {
  /** The last event that the activity has processed. */
  tail: Tail;
  /** Level 2: the view at the tail; undefined until it is loaded. */
  view: LoadedView | undefined;
  /** Level 2: the last event acted on; "again" if the next run must act. */
  acted: Progress["acted"] = "unchanged";
  /** Level 2: `act` was called, and has not ended as caught up. */
  acting = false;
  /** Level 2: the view is being rebuilt and has not reached the last event acted on. */
  actedAhead = false;
  /** When the server last showed that it knows the tail, in milliseconds since 1970 (rule 18). */
  tailSeenAt: Progress["tailSeenAt"] = "unchanged";
  readonly #behaviour: Behaviour;

  constructor(behaviour: Behaviour, record: TaskRecord) {
    this.#behaviour = behaviour;
    this.tail = record.tail;
  }

  /** Asserts, before the activity reads, that the stream continues right after the tail (T1). */
  assertContinuedBy(stream: OpenStream): void {
    const continues = stream.delivered === 0 ? stream.after === this.tail : stream.continuesAfter(this.tail);
    invariant(continues, "T1", `a stream opened after ${stream.after} is read on from tail ${this.tail}`);
  }

  // ── level 1 ────────────────────────────────────────────────────────────────────────────────────

  /** The activity reports its progress. It may go back: then it receives events again. */
  advance(tail: Tail): void {
    invariant(this.#behaviour.type === "processor", "T5", "the tail moves without the view");
    this.tail = tail;
  }

  // ── level 2 ────────────────────────────────────────────────────────────────────────────────────

  /** Loads the view that is stored at the tail. */
  load(value: unknown, { acted, actedAhead }: TaskRecord): void {
    this.view = { value, changed: false };
    this.actedAhead = actedAhead === true;
    if (this.actedAhead) this.acted = acted ?? "again";
  }

  /** Folds an event into the view. If `apply` throws, discards the half-changed view and its tail. */
  fold(recorded: Recorded<unknown>, stored: TaskRecord, apply: (view: unknown) => void): void {
    const view = this.view;
    invariant(view !== undefined, "T5", "an event is folded into no view");
    try {
      apply(view.value);
    } catch (error) {
      this.discard(stored);
      throw error;
    }
    this.view = view.changed ? view : { ...view, changed: true };
    this.tail = recorded.id;
    if (this.actedAhead && recorded.id === stored.acted) this.actedAhead = false;
  }

  /** The whole stream has been read, with or without the last event acted on. */
  passedActed(): void {
    this.actedAhead = false;
  }

  /** `act` is about to be called. Unless it ends as caught up, the next run has to act again. */
  beginAct(): void {
    this.acted = "again";
    this.acting = true;
  }

  /** The activity has acted on all events up to the tail, or they need no act. */
  actedOnTail(): void {
    this.acting = false;
    this.acted = this.tail;
  }

  // ── both ───────────────────────────────────────────────────────────────────────────────────────

  /** Starts over at epoch: the server does not know the tail, or the view cannot be used. */
  startOver({ acted }: TaskRecord): void {
    this.tail = epoch;
    if (this.#behaviour.type !== "viewed") return;
    this.view = { value: this.#behaviour.view.initial(), changed: true };
    // Events up to the last one acted on come again. The activity does not act on them again.
    this.actedAhead = acted !== undefined && acted !== epoch;
    this.acted = acted ?? "again";
  }

  /** Goes back to the stored progress: a view that is half changed, or cannot be stored, belongs to no tail. */
  discard({ tail }: TaskRecord): void {
    this.view = undefined;
    this.tail = tail;
    this.acted = "unchanged";
  }

  /** Undoes the progress of a pass: its events come again. `actsAgain`: the next run acts even if there were none. */
  undo(before: Tail, stored: TaskRecord, actsAgain: boolean): void {
    if (this.#behaviour.type === "viewed") {
      this.discard(stored);
      if (this.acting && actsAgain) this.acted = "again";
    } else this.tail = before;
  }

  tailSeen(at: number): void {
    this.tailSeenAt = at;
  }

  /** Whether to store the tail and the view would change the record. */
  differsFrom(stored: TaskRecord, tail: Tail): boolean {
    const acts = this.acted !== "unchanged" && this.acted !== stored.acted;
    return tail !== stored.tail || this.view?.changed === true || acts;
  }

  /** Asserts that the tail of an outcome may be stored with the view, if there is one (T5). */
  assertStorable(tail: Tail): void {
    const together = this.view === undefined || tail === this.tail;
    invariant(together, "T5", `the view at ${this.tail} is stored with tail ${tail}`);
  }

  /** The run goes on from a tail; `isStored` says whether it has stored that. */
  goOnFrom(tail: Tail, isStored: boolean): void {
    this.assertStorable(tail);
    this.tail = tail;
    if (isStored && this.view?.changed) this.view = { ...this.view, changed: false };
  }
}
