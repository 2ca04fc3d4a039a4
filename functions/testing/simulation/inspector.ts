import { epoch } from "../../contract/tail.ts";
import type { Binding } from "../../engines/binding.ts";
import { isTailInDoubt } from "../../run/open-stream.ts";
import type { MemoryTaskStore } from "../../tasks/memory.ts";
import { type TaskKey, type TaskRecord, taskName } from "../../tasks/record.ts";
import { clockSkewMs } from "../../tasks/times.ts";
import type { Update } from "../../tasks/update.ts";
import type { Alarms } from "../../wake/alarms.ts";
import { isSignal, type TaskWake, type WakeMessage } from "../../wake/wake.ts";
import type { Aggregate } from "./aggregate.ts";
import { Arrivals } from "./arrivals.ts";
import { Costs } from "./costs.ts";
import { Leases } from "./leases.ts";
import { OwedRuns } from "./owed-runs.ts";
import type { SimulatedProcess } from "./process.ts";
import { byRuns, wrongWithRun } from "./runs.ts";
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
  /** When a wake of an operator was lost, by the task's name. */
  readonly #operatorLostAt = new Map<string, number>();
  readonly #leases = new Leases();
  readonly #costs: Costs;
  readonly arrivals: Arrivals;
  readonly owed = new OwedRuns();
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
    this.arrivals = new Arrivals(this.#aggregates);
    this.#costs = new Costs(bindingOf);
    this.witness = new Witness({
      onBegin: (process, task, fence) => this.#onBegin(process, task, fence),
      onEvent: (task, id) => this.arrivals.hasRead(task, id),
      onAwait: (parent, child) => this.owed.awaits(parent, child, world.timeline.now),
    });
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

  /** The wake of an operator was handled and deleted from the queue: now only the table may know of it. */
  async operatorWakeDelivered({ key }: TaskWake, sentAt: number): Promise<void> {
    const record = await this.#records?.get(key);
    const mayNotRun = !record || record.paused || record.status === "parked" || record.status === "completed";
    if (mayNotRun || sentAt <= (this.#operatorLostAt.get(taskName(key)) ?? 0)) return;
    this.owed.wokenByOperator(key, sentAt);
  }

  /** The wake of an operator that had been put off, because its upstream was out, was lost. */
  operatorWakeLost({ key }: TaskWake): void {
    this.#operatorLostAt.set(taskName(key), this.#world.timeline.now);
    this.owed.forgiveOperator(key);
  }

  /** Whether the server still knows the tail. If not, its task reads from epoch. */
  #isKnown({ entity, tail }: TaskRecord): boolean {
    const aggregate = this.#aggregates.get(entity);
    return !aggregate || tail === epoch || aggregate.positionOf(tail) >= aggregate.trimmed;
  }

  #mayBeEarly(process: SimulatedProcess, task: TaskKey): boolean {
    if (this.#bindingOf(process, task).declaration.signalsCutWaits) return true;
    return (this.#early.get(taskName(task)) ?? 0) > this.#world.timeline.now;
  }

  #onBegin(process: SimulatedProcess, task: TaskKey, fence: number): void {
    const { hanging, failing, timeline } = this.#world;
    if (hanging.has(task.entity)) process.hang();
    this.owed.began(task, timeline.now);
    const held = this.#held.get(process)?.get(taskName(task));
    if (held?.fence !== fence) {
      const what = `an activity was called under fence ${fence}, which its process never acquired`;
      this.#found("T4", what, taskName(task));
    }
    if (failing.has(task.entity)) throw new Error("it ails");
  }

  onRead(by: SimulatedProcess, key: TaskKey): void {
    const wrong = this.isQuiet ? this.#costs.wrongWithRead(by, key, this.#world.timeline.now) : undefined;
    if (wrong) this.#found("no amplification", wrong, taskName(key));
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
  observeAlarms(alarms: Alarms, process: SimulatedProcess): Alarms {
    const check = async (message: WakeMessage) => {
      if (isSignal(message)) return;
      this.#costs.sent(process, message);
      if (message.fence === undefined || message.ended !== undefined) return;
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
    const { now } = this.#world.timeline;
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
      (await this.#wrongWithWait(after, operation)) ??
      this.#costs.wrongWith(write, this.#world.timeline.now, this.isQuiet);
    if (wrong) {
      this.#foundIn(operation, wrong, name);
      return;
    }
    this.arrivals.onWrite(write, now);
    if (operation.startsWith("completed")) this.owed.completed(after, now);
    if (operation.startsWith("acquire")) {
      // A task that awaits a child looks at it once an hour, and when it ends (rule 13); one whose tail is in doubt runs
      // to find it (rule 18); and one that has asked for a time runs then.
      const isInDoubt = isTailInDoubt(this.#bindingOf(by, after), before ?? after, decidedAt);
      const checks = before?.childDone || before?.status === "retrying" || isInDoubt;
      if (this.isQuiet && after.engine === "lazy" && !checks && this.#isKnown(after)) {
        this.#found("no amplification", "it runs, though all is read and no message is left", name);
      }
      byTask.set(name, { token: after.token ?? "", fence: after.fence, seenWakeCount: after.wakeCount });
    } else if (held && (operation === "caughtUp, wakes moved" || operation === "caughtUp, watching")) {
      held.seenWakeCount = after.wakeCount;
    }
    this.arrivals.hasRead(after, after.tail);
    const aggregate = this.#aggregates.get(after.entity);
    if (!held || before?.token !== held.token || !byRuns.test(operation) || !aggregate) return;
    const wrongInRun = await wrongWithRun(write, {
      aggregate,
      binding: this.#bindingOf(by, after),
      attempts: this.witness.attemptsOf(by, after, held.fence),
      records: this.#records,
      wasTroubled: this.#leases.wasTroubled(before.token),
    });
    if (wrongInRun) this.#foundIn(operation, wrongInRun, name);
  }

  /** Keeps a violation whose text begins with its rule. */
  #foundIn(operation: string, wrong: string, task: string): void {
    const [, rule = "the protocol", what = wrong] =
      /^(T\d|rule \d+|no amplification|the error contract): (.*)$/s.exec(wrong) ?? [];
    this.#found(rule, `${operation}: ${what}`, task);
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

  /** T3: an event whose signal was delivered has been read. */
  expectSignaledRead(record: TaskRecord): void {
    const unread = this.arrivals.signaledUnread(record, this.#world.timeline.now);
    if (unread !== undefined) this.#found("T3", `event ${unread} was signaled, and never read`, taskName(record));
  }

  /** T7: after the faults the task is where it should be, and no call of its activity is owed any more. */
  expectArrived(record: TaskRecord, binding: Binding, afterMs: number): void {
    const minutes = Math.round(afterMs / 60_000);
    const owed = this.owed.owedTo(record);
    if (!this.arrivals.hasArrived(record, binding, this.#world.timeline.now)) {
      const head = this.#aggregates.get(record.entity)?.head;
      const what = `${minutes} minutes after the faults it is ${record.status} at ${record.tail}, not at the head ${head}`;
      this.#found("T7", what, taskName(record));
    } else if (owed) {
      this.#found(owed.rule, `${minutes} minutes after the faults it was not called, though ${owed.why}`, owed.task);
    }
  }

  /** Reports a failure that the checks of writes do not find. */
  fail(rule: string, what: string, task: string): void {
    this.#found(rule, what, task);
  }
}
