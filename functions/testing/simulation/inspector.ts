import { isDeepStrictEqual } from "node:util";
import type { Outcome } from "../../contract/outcome.ts";
import { epoch } from "../../contract/tail.ts";
import type { Binding } from "../../engines/binding.ts";
import { isTailInDoubt } from "../../run/open-stream.ts";
import type { MemoryTaskStore } from "../../tasks/memory.ts";
import { type EngineName, type TaskKey, type TaskRecord, taskName } from "../../tasks/record.ts";
import { clockSkewMs } from "../../tasks/times.ts";
import type { Update } from "../../tasks/update.ts";
import type { Alarms } from "../../wake/alarms.ts";
import { isSignal, type WakeMessage } from "../../wake/wake.ts";
import type { Aggregate } from "./aggregate.ts";
import { Leases } from "./leases.ts";
import type { SimulatedProcess } from "./process.ts";
import { wrongWith } from "./specification.ts";
import type { TableObserver, TableWrite } from "./table.ts";
import type { Violation } from "./violation.ts";
import { Witness } from "./witness.ts";
import type { SimulatedWorld } from "./world.ts";

/** A lease that a process holds, as its writes show. */
interface Held {
  readonly token: string;
  readonly fence: number;
  /** `wakeCount` as the run has seen it last. */
  seenWakeCount: number;
}

/** The operations that may write an outcome, by the error contract. An aborted run may hand over with any outcome. */
const writtenAs: Readonly<Record<Outcome["type"], RegExp>> = {
  completed: /^(completed|retry$|attempt limit)/,
  caughtUp: /^(caughtUp|canceled|retry$|attempt limit)/,
  canceled: /^(canceled|retry$|attempt limit|caughtUp, wakes)/,
  silentRetry: /^(retry$|attempt limit)/,
  silentRetryAfter: /^(silentRetryAfter|retry$|attempt limit)/,
  retry: /^(retry$|attempt limit)/,
};

/** The operations of runs. */
const byRuns = /^(checkpoint|caughtUp|canceled|retry$|silentRetryAfter|attempt limit|completed)/;

/** The probe period of the ports. */
const probePeriodMs = 900_000;
/** How long a task awaits a child before it looks at its children again (rule 13). */
const recheckPeriodMs = 3_600_000;

/** How long an operator's message may be in flight: five deliveries, each up to a visibility timeout after the last. */
const operatorMessageMs = 15 * 60_000;

/** Checks each write, and the final state, against the promises T1 to T7 and the protocol. */
export class Inspector implements TableObserver {
  readonly #world: SimulatedWorld;
  readonly #start: number;
  readonly #aggregates: ReadonlyMap<string, Aggregate>;
  readonly #bindingOf: (process: SimulatedProcess, task: TaskKey) => Binding;
  readonly #held = new WeakMap<SimulatedProcess, Map<string, Held>>();
  /** Until when a task may be acquired before its time, because the message of an operator may come again. */
  readonly #early = new Map<string, number>();
  /** When the latest signal of an entity was sent whose message was handled and deleted. */
  readonly #signaledAt = new Map<string, number>();
  /** When a signal of an entity that had been put off was lost. */
  readonly #lostAt = new Map<string, number>();
  /** The furthest position that a task has read. */
  readonly #furthest = new Map<string, number>();
  readonly #leases = new Leases();
  #records: MemoryTaskStore | undefined;
  readonly witness: Witness;
  violation: Violation | undefined;
  writes = 0;
  /** Nothing is left to do: a lazy task that runs now was woken without need. */
  isQuiet = false;

  constructor(
    world: SimulatedWorld,
    aggregates: readonly Aggregate[],
    bindingOf: (process: SimulatedProcess, task: TaskKey) => Binding,
  ) {
    this.#world = world;
    this.#start = world.timeline.now;
    this.#aggregates = new Map(aggregates.map((one) => [one.entity, one]));
    this.#bindingOf = bindingOf;
    this.witness = new Witness(
      (process, task, fence) => this.#onBegin(process, task, fence),
      (task, id) => this.#hasRead(task, id),
    );
  }

  /** Sets the records of the table. */
  watch(records: MemoryTaskStore): void {
    this.#records = records;
  }

  /** Keeps the first violation, which ends the simulation. */
  #found(rule: string, what: string, task: string): void {
    if (this.violation) return;
    this.violation = { rule, what, task, atMs: this.#world.timeline.now - this.#start };
    this.#world.story.say("VIOLATION", () => `${rule} of ${task}: ${what}`);
  }

  mayBeEarly(task: TaskKey): void {
    this.#early.set(taskName(task), this.#world.timeline.now + operatorMessageMs);
  }

  /** A signal was handled and deleted from the queue: now only the table may know of it. */
  signalDelivered(entity: string, sentAt: number): void {
    this.#signaledAt.set(entity, Math.max(sentAt, this.#signaledAt.get(entity) ?? 0));
  }

  /** A signal that was put off, because its upstream was out, was lost. */
  signalLost(entity: string): void {
    this.#lostAt.set(entity, this.#world.timeline.now);
  }

  /** Whether the server still knows the tail. If not, its task reads from epoch. */
  #isKnown({ entity, tail }: TaskRecord): boolean {
    const aggregate = this.#aggregates.get(entity);
    return !aggregate || tail === epoch || aggregate.positionOf(tail) >= aggregate.trimmed;
  }

  #hasRead(task: TaskKey, id: string): void {
    const name = taskName(task);
    const position = this.#aggregates.get(task.entity)?.positionOf(id) ?? -1;
    if (position > (this.#furthest.get(name) ?? -1)) this.#furthest.set(name, position);
  }

  #mayBeEarly(process: SimulatedProcess, task: TaskKey): boolean {
    if (this.#bindingOf(process, task).declaration.signalsCutWaits) return true;
    return (this.#early.get(taskName(task)) ?? 0) > this.#world.timeline.now;
  }

  #onBegin(process: SimulatedProcess, task: TaskKey, fence: number): void {
    if (this.#world.hanging.has(task.entity)) process.hang();
    const held = this.#held.get(process)?.get(taskName(task));
    if (held?.fence === fence) return;
    this.#found("T4", `an activity was called under fence ${fence}, which its process never acquired`, taskName(task));
  }

  /** Rule 5: a refused write that is sent again, or whose token is stored, had been applied before. */
  onRefused({ operation, changes }: Update, record: TaskRecord, isOwn: boolean): void {
    const { token, lastToken } = changes;
    const isOurs =
      isOwn ||
      (typeof token === "string" && token === record.token) ||
      (typeof lastToken === "string" && lastToken === record.lastToken);
    if (isOurs)
      this.#found("rule 5", `${operation}: it had been applied before, but counts as refused`, taskName(record));
  }

  onViewDeleted(name: string, record: TaskRecord | undefined): void {
    if (record?.viewRef !== name) return;
    this.#found("T5", `the view at tail ${record.tail} was deleted`, taskName(record));
  }

  /** The alarms of a process, with a check that the record is written before its wake is sent. */
  observeAlarms(alarms: Alarms): Alarms {
    const check = async (message: WakeMessage) => {
      if (isSignal(message) || message.fence === undefined || message.ended !== undefined) return;
      const record = await this.#records?.get(message.key);
      const isWritten = record && (record.fence > message.fence || record.status !== "running");
      if (!isWritten)
        this.#found("rule 6", `a ${message.class} was sent before its record was written`, taskName(message.key));
    };
    return {
      send: async (messages) => {
        for (const message of messages) await check(message);
        return alarms.send(messages);
      },
      sendAt: async (wake, at) => {
        await check(wake);
        return alarms.sendAt(wake, at);
      },
      sendQuarantined: (wake) => alarms.sendQuarantined(wake),
      startLeader: (leader) => alarms.startLeader(leader),
    };
  }

  async onWrite(write: TableWrite): Promise<void> {
    this.writes++;
    const { by, decidedAt, operation, before, after } = write;
    const name = taskName(after);
    const byTask = this.#held.get(by) ?? new Map<string, Held>();
    this.#held.set(by, byTask);
    const held = byTask.get(name);
    if (before === after) {
      // The run has seen the count in the response, if it came before the run opened its stream (rule 2).
      if (held && held.token === after.token) held.seenWakeCount = after.wakeCount;
      return;
    }
    const found = wrongWith({
      operation,
      before,
      after,
      now: decidedAt,
      token: held?.token,
      seenWakeCount: held?.seenWakeCount,
      mayBeEarly: this.#mayBeEarly(by, after),
      mayBeLate: this.#leases.wasTroubled(before?.token),
    });
    const wrong =
      found ??
      this.#leases.wrongWith(write) ??
      this.#wrongWithEngine(write) ??
      (await this.#wrongWithWait(after, operation));
    if (wrong) {
      const [, rule = "the protocol", what = wrong] = /^(T\d|rule \d+): (.*)$/s.exec(wrong) ?? [];
      this.#found(rule, `${operation}: ${what}`, name);
      return;
    }
    if (operation.startsWith("acquire")) {
      // A task that awaits a child runs once an hour (rule 13); one whose tail is in doubt runs to find it (rule 18).
      const checks = before?.childDone || isTailInDoubt(this.#bindingOf(by, after), before ?? after, decidedAt);
      if (this.isQuiet && after.engine === "lazy" && !checks && this.#isKnown(after)) {
        this.#found("no amplification", "it runs, though all is read and no message is left", name);
      }
      byTask.set(name, { token: after.token ?? "", fence: after.fence, seenWakeCount: after.wakeCount });
    } else if (held && (operation === "caughtUp, wakes moved" || operation === "caughtUp, watching")) {
      held.seenWakeCount = after.wakeCount;
    }
    this.#hasRead(after, after.tail);
    if (held && before?.token === held.token && byRuns.test(operation)) await this.#inspectRun(write, held);
  }

  /** Checks the rules that depend on the engine of the task. */
  #wrongWithEngine({ by, decidedAt, operation, before, after }: TableWrite): string | undefined {
    const { engine, everyMinutes, declaration } = this.#bindingOf(by, after);
    if (operation !== "caughtUp") return undefined;
    if (engine === "lazy") {
      const isKept = after.due === before?.due;
      if (!isKept && !after.awaiting && (before?.due ?? 0) <= decidedAt + probePeriodMs - clockSkewMs)
        return "rule 6: a normal run moved its due time";
      // Not if it was bound to the eager engine and adopted meanwhile: then a leader finds it.
      const latest = decidedAt + (after.awaiting ? recheckPeriodMs : probePeriodMs);
      if (after.eagerBucket === undefined && (after.due ?? 0) > latest)
        return "rule 6: it sleeps beyond its next probe";
    }
    // Not for level 2: any time may pass between the decision and the write, while a large view is stored.
    if (engine === "cron" && declaration.behaviour.type === "processor") {
      const { notBefore = 0, startedAt, due } = after;
      if (notBefore <= decidedAt || notBefore > decidedAt + everyMinutes * 60_000 + clockSkewMs)
        return "rule 16: not its next slot";
      if ((notBefore - startedAt) % (everyMinutes * 60_000) !== 0) return "rule 16: no slot of its own";
      const isRechecked = after.awaiting && (due ?? 0) <= Math.min(notBefore, decidedAt + recheckPeriodMs);
      if (due !== notBefore && !isRechecked) return "rule 6: not due at its slot";
    }
    return undefined;
  }

  /** Rule 13: a task that awaits a child must be a waiter of one, or it would wait for ever. */
  async #wrongWithWait(after: TaskRecord, operation: string): Promise<string | undefined> {
    if (operation !== "caughtUp" || !after.awaiting || !this.#records) return undefined;
    const name = taskName(after);
    for await (const child of this.#records.list()) {
      if (child.awaited && (await this.#records.waiters(child, Number.POSITIVE_INFINITY)).includes(name))
        return undefined;
    }
    return "rule 13: it awaits a child, and none will tell it";
  }

  /** Compares the write of a run with the events and outcomes of its activity. */
  async #inspectRun({ by, operation, before, after }: TableWrite, held: Held): Promise<void> {
    const aggregate = this.#aggregates.get(after.entity);
    if (!before || !aggregate) return;
    const { behaviour } = this.#bindingOf(by, after).declaration;
    if (behaviour.type === "viewed") {
      if (after.status !== "completed" && operation !== "rewind") await this.#inspectView(after, aggregate, by);
      return;
    }
    const attempts = this.witness.attemptsOf(by, after, held.fence);
    if (after.tail !== before.tail) this.#inspectTail(before, after, aggregate, attempts);
    const outcome = attempts.at(-1)?.outcome;
    if (!outcome || operation === "checkpoint" || writtenAs[outcome.type].test(operation)) return;
    // A process that stood still past the deadline abandons an activity that returns in the same moment.
    const mayBeAbandoned = this.#leases.wasTroubled(before.token) && writtenAs.canceled.test(operation);
    if (!mayBeAbandoned) {
      this.#found("the error contract", `${outcome.type} was written as "${operation}"`, taskName(after));
    }
  }

  /** T1: the events between two tails were handed out in order, and the activity has reported the new tail. */
  #inspectTail(
    before: TaskRecord,
    after: TaskRecord,
    aggregate: Aggregate,
    attempts: readonly { readonly handed: readonly string[]; readonly said: ReadonlySet<string> }[],
  ): void {
    const name = taskName(after);
    if (after.tail !== epoch && !attempts.some(({ said }) => said.has(after.tail))) {
      this.#found("T1", `the tail became ${after.tail}, which the activity has never reported`, name);
      return;
    }
    const from = aggregate.positionOf(before.tail);
    const to = aggregate.positionOf(after.tail);
    const handed = attempts.flatMap((attempt) => attempt.handed);
    let last = -1;
    for (let position = from + 1; position <= to; position++) {
      const id = aggregate.events[position]?.id ?? "";
      const at = handed.indexOf(id, last + 1);
      if (at >= 0) last = at;
      else if (position >= aggregate.trimmed) {
        this.#found(
          "T1",
          `the tail moved from ${before.tail} to ${after.tail}, but event ${id} was not handed out`,
          name,
        );
        return;
      }
    }
  }

  /** T5: the stored view is the fold of the events up to the stored tail, from any former beginning of the history. */
  async #inspectView(record: TaskRecord, aggregate: Aggregate, by: SimulatedProcess): Promise<void> {
    const { behaviour } = this.#bindingOf(by, record).declaration;
    if (behaviour.type !== "viewed" || record.viewVersion !== behaviour.view.version) return;
    const json = record.view ?? (record.viewRef && (await this.#records?.getView(record, record.viewRef)));
    if (!json) {
      if (record.tail !== epoch) this.#found("T5", `no view at tail ${record.tail}`, taskName(record));
      return;
    }
    const stored: unknown = JSON.parse(json);
    const to = aggregate.positionOf(record.tail);
    const isFold = aggregate.trims.some((begin) => {
      const view = behaviour.view.initial();
      for (const recorded of aggregate.events.slice(begin, to + 1)) behaviour.apply(view, recorded);
      return isDeepStrictEqual(JSON.parse(JSON.stringify(view)), stored);
    });
    if (!isFold)
      this.#found(
        "T5",
        `the view at tail ${record.tail} is not made of the events up to it: ${json}`,
        taskName(record),
      );
  }

  /** Whether the task is at rest at the head of its stream, or completed; `engine` is the one it is bound to. */
  hasArrived({ status, tail, entity }: TaskRecord, engine: EngineName): boolean {
    if (status === "completed") return true;
    const isAtRest = status === "sleeping" || (status === "running" && engine === "eager");
    const aggregate = this.#aggregates.get(entity);
    // The head of a history without events is the epoch.
    const isEmpty = !aggregate || aggregate.trimmed === aggregate.events.length;
    return isAtRest && (tail === aggregate?.head || (isEmpty && tail === epoch));
  }

  /** T3: an event whose signal was delivered has been read. */
  expectSignaledRead(record: TaskRecord): void {
    const aggregate = this.#aggregates.get(record.entity);
    if (!aggregate || record.status === "completed") return;
    // A silent server may have sent nothing for an unknown tail (rule 18).
    if (aggregate.isSilent && aggregate.trimmed > 0) return;
    const signaledAt = this.#signaledAt.get(record.entity) ?? 0;
    if (signaledAt <= (this.#lostAt.get(record.entity) ?? 0)) return;
    // The furthest position counts, since an activity or an operator may move the tail back.
    const read = this.#furthest.get(taskName(record)) ?? -1;
    const missed = aggregate.addedAt.findIndex(
      (addedAt, position) => addedAt < signaledAt && position > Math.max(read, aggregate.trimmed - 1),
    );
    if (missed < 0) return;
    this.#found("T3", `event ${aggregate.events[missed]?.id} was signaled, and never read`, taskName(record));
  }

  expectArrived(record: TaskRecord, engine: EngineName, afterMs: number): void {
    if (this.hasArrived(record, engine)) return;
    const head = this.#aggregates.get(record.entity)?.head;
    const minutes = Math.round(afterMs / 60_000);
    this.#found(
      "T7",
      `${minutes} minutes after the faults it is ${record.status} at ${record.tail}, not at the head ${head}`,
      taskName(record),
    );
  }

  /** Reports a failure that the checks of writes do not find. */
  fail(rule: string, what: string, task: string): void {
    this.#found(rule, what, task);
  }
}
