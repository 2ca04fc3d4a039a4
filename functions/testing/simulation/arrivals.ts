import { epoch } from "../../contract/tail.ts";
import type { Binding } from "../../engines/binding.ts";
import { type TaskKey, type TaskRecord, taskName } from "../../tasks/record.ts";
import type { Aggregate } from "./aggregate.ts";
import type { TableWrite } from "./table.ts";

/** For how long a cron task whose slot has come may still be on its way to its run. */
const slotMs = 10 * 60_000;

/** How far each task has got, and whether that is where it should be: the head of its stream, or a wait that it may do. */
export class Arrivals {
  readonly #aggregates: ReadonlyMap<string, Aggregate>;
  /** When the latest signal of an entity was sent whose message was handled and deleted. */
  readonly #signaledAt = new Map<string, number>();
  /** When a signal of an entity that had been put off was lost. */
  readonly #lostAt = new Map<string, number>();
  /** The furthest position that a task has read. */
  readonly #furthest = new Map<string, number>();
  /** Until when a task waits as its activity has asked. */
  readonly #askedUntil = new Map<string, number>();
  /** When a task last caught up. */
  readonly #caughtUpAt = new Map<string, number>();

  constructor(aggregates: ReadonlyMap<string, Aggregate>) {
    this.#aggregates = aggregates;
  }

  /** A signal was handled and deleted from the queue: now only the table may know of it. */
  signalDelivered(entity: string, sentAt: number): void {
    this.#signaledAt.set(entity, Math.max(sentAt, this.#signaledAt.get(entity) ?? 0));
  }

  /** A signal that was put off, because its upstream was out, was lost. */
  signalLost(entity: string, now: number): void {
    this.#lostAt.set(entity, now);
  }

  /** A task was handed an event, or its tail is there. */
  hasRead(task: TaskKey, id: string): void {
    const name = taskName(task);
    const position = this.#aggregates.get(task.entity)?.positionOf(id) ?? -1;
    if (position > this.furthestOf(task)) this.#furthest.set(name, position);
  }

  /** The furthest position that a task has read, from 0; -1 if it has read nothing. */
  furthestOf(task: TaskKey): number {
    return this.#furthest.get(taskName(task)) ?? -1;
  }

  /** When the task last caught up, or else was started; in milliseconds since 1970. */
  ranAt(record: TaskRecord): number {
    return this.#caughtUpAt.get(taskName(record)) ?? record.startedAt;
  }

  onWrite({ operation, after }: TableWrite, now: number): void {
    const name = taskName(after);
    if (operation === "silentRetryAfter") this.#askedUntil.set(name, after.notBefore ?? 0);
    if (operation.startsWith("caughtUp")) this.#caughtUpAt.set(name, now);
  }

  /** Whether the task waits until a time that its activity has asked for. */
  waitsAsAsked(record: TaskRecord, now: number): boolean {
    const { status, notBefore = 0 } = record;
    return status === "retrying" && notBefore > now && this.#askedUntil.get(taskName(record)) === notBefore;
  }

  /** Whether the task is at rest at the head of its stream, or completed, or waits as it may. */
  hasArrived(record: TaskRecord, binding: Binding, now: number): boolean {
    const { status, tail, entity } = record;
    if (status === "completed" || this.waitsAsAsked(record, now) || this.#waitsForSlot(record, binding, now))
      return true;
    const isAtRest = status === "sleeping" || (status === "running" && binding.engine === "eager");
    if (!isAtRest) return false;
    const aggregate = this.#aggregates.get(entity);
    // The head of a history without events is the epoch.
    const isEmpty = !aggregate || aggregate.trimmed === aggregate.events.length;
    return tail === aggregate?.head || (isEmpty && tail === epoch);
  }

  /**
   * A cron task need not have read what came since its last slot. Its slots are those of its binding now (rule 16). One
   * that was resumed waits for its slot as a retry.
   */
  #waitsForSlot(record: TaskRecord, { engine, everyMinutes }: Binding, now: number): boolean {
    const ranAt = this.#caughtUpAt.get(taskName(record));
    const waits = record.status === "sleeping" || (record.status === "retrying" && (record.notBefore ?? 0) > now);
    if (engine !== "cron" || !waits || ranAt === undefined) return false;
    const intervalMs = everyMinutes * 60_000;
    const passed = Math.max(0, Math.floor((ranAt - record.startedAt) / intervalMs));
    return record.startedAt + (passed + 1) * intervalMs > now - slotMs;
  }

  /** An event that was added before a time and that the task has not read; undefined if there is none. */
  unreadBefore(record: TaskRecord, time: number): { readonly id: string; readonly addedAt: number } | undefined {
    const aggregate = this.#aggregates.get(record.entity);
    if (!aggregate || record.status === "completed") return undefined;
    // The furthest position counts, since an activity or an operator may move the tail back.
    const from = Math.max(this.furthestOf(record) + 1, aggregate.trimmed);
    const addedAt = aggregate.addedAt[from];
    if (addedAt === undefined || addedAt >= time) return undefined;
    return { id: aggregate.events[from]?.id ?? "", addedAt };
  }

  /** T3: an event whose signal was delivered, and that was never read. */
  signaledUnread(record: TaskRecord, now: number): string | undefined {
    const aggregate = this.#aggregates.get(record.entity);
    // A silent server may have sent nothing for an unknown tail (rule 18).
    if (aggregate?.isSilent && aggregate.trimmed > 0) return undefined;
    const signaledAt = this.#signaledAt.get(record.entity) ?? 0;
    if (signaledAt <= (this.#lostAt.get(record.entity) ?? 0) || this.waitsAsAsked(record, now)) return undefined;
    return this.unreadBefore(record, signaledAt)?.id;
  }
}
