import { tasksOf } from "../../client.ts";
import type { Task } from "../../contract/activity.ts";
import { type TaskRecord, taskName } from "../../tasks/record.ts";
import { encodeBusEvent } from "../../wake/envelope.ts";
import type { Aggregate } from "./aggregate.ts";
import type { Deployment } from "./deployment.ts";
import type { Inspector } from "./inspector.ts";
import { letAllRun } from "./operators.ts";
import { maxStandstillMs, type SimulatedProcess } from "./process.ts";
import type { SimulatedWorld } from "./world.ts";

const minuteMs = 60_000;
/** Rule 22: the maximum of a backoff, a rescue, the grace, a lease, and the queue. */
const maxSettleMinutes = 90;
/** Rule 18: for kinds whose server is silent about unknown tails. */
const maxSilenceMinutes = 6 * 60;
/** A binding that has changed, or an activity that has come back, takes effect within the hour. */
const maxRebindMinutes = 60;
const quietMinutes = 5;
/** Rule 13: an hour, a tick, and what it sends. */
const recheckMinutes = 70;
/** Ten times the steps of a simulation in which a server is silent for hours. */
const maxSteps = 3_000_000;

export interface RestOptions {
  readonly aggregates: readonly Aggregate[];
  readonly tasks: readonly Task[];
  /** False if the wakes of probes are lost, and only signals tell of news. */
  readonly hasProbes: boolean;
  /** For how long it stays quiet, beside the usual, in minutes. */
  readonly longQuietMinutes: number;
}

/** What is expected of a deployment when the faults have ended: T7, and that nothing runs any more. */
export class Rest {
  readonly #world: SimulatedWorld;
  readonly #deployment: Deployment;
  readonly #inspector: Inspector;
  readonly #operator: SimulatedProcess;
  readonly #options: RestOptions;
  #settledMinutes = 0;

  constructor(
    world: SimulatedWorld,
    deployment: Deployment,
    inspector: Inspector,
    operator: SimulatedProcess,
    options: RestOptions,
  ) {
    this.#world = world;
    this.#deployment = deployment;
    this.#inspector = inspector;
    this.#operator = operator;
    this.#options = options;
  }

  /** How long after the faults every task was at the head of its stream, in simulated minutes. */
  get settledMinutes(): number {
    return this.#settledMinutes;
  }

  advance(until: number): Promise<void> {
    const { timeline } = this.#world;
    return timeline.run(until, () => {
      if (timeline.steps > maxSteps) {
        this.#inspector.fail("no amplification", `more than ${maxSteps} things happen`, "all");
      }
      return this.#inspector.violation !== undefined;
    });
  }

  /** T7: after the faults every task reaches the head of its stream, and then nothing runs any more. */
  async come(): Promise<void> {
    const { timeline } = this.#world;
    const { aggregates, hasProbes, longQuietMinutes } = this.#options;
    const deployment = this.#deployment;
    const calmAt = timeline.now;
    deployment.deployWhole();
    // First, actions of operators that are in progress end.
    await this.advance(timeline.now + minuteMs);
    const wasSilent = aggregates.some(({ isSilent, trimmed }) => isSilent && trimmed > 0);
    const wasRebound = deployment.deployedAt > timeline.now - maxRebindMinutes * minuteMs;
    const settleMinutes = maxSettleMinutes + (wasSilent ? maxSilenceMinutes : 0) + (wasRebound ? maxRebindMinutes : 0);
    const letRun = this.#letRun();
    await this.#until(() => letRun.isDone, 5);
    // Without probes only signals tell of news: signaled events must have been read. The others are signaled below.
    const mayMiss = (record: TaskRecord) =>
      !hasProbes &&
      this.#engineOf(record) === "lazy" &&
      record.status === "sleeping" &&
      !this.#inspector.owed.owedTo(record);
    const unsettled = async () => {
      const all = await deployment.recordsOfApp();
      // A task whose runs died too often may be parked only now.
      if (letRun.isDone && all.some(({ status }) => status === "parked")) letRun.again();
      return all.filter((record) => !this.#isSettled(record) && !mayMiss(record));
    };
    await this.#until(async () => (await unsettled()).length === 0, settleMinutes);
    for (const record of await unsettled()) this.#expectArrived(record, calmAt);
    await this.#untilQueuesEmpty();
    for (const record of await deployment.recordsOfApp()) {
      if (deployment.isAlwaysLazy(record)) this.#inspector.expectSignaledRead(record);
    }
    if (this.#inspector.violation) return;
    if (!hasProbes) {
      for (const { entity } of aggregates) deployment.bus.put(encodeBusEvent({ class: "signal", entity }));
    }
    const isAtHead = async () => (await deployment.recordsOfApp()).every((record) => this.#isSettled(record));
    await this.#until(isAtHead, settleMinutes);
    const records = await deployment.recordsOfApp();
    for (const record of records) this.#expectArrived(record, calmAt);
    await this.#expectNoCircle();
    this.#settledMinutes = (timeline.now - calmAt) / minuteMs;
    await this.#untilQueuesEmpty();
    // A process that was frozen when the faults ended may still have old work.
    await this.advance(Math.max(timeline.now, calmAt + maxStandstillMs + minuteMs));
    this.#inspector.isQuiet = true;
    await this.#until(() => false, quietMinutes + longQuietMinutes);
  }

  /** Starts all tasks, and resumes those that are paused or parked, now and again. */
  #letRun(): { readonly isDone: boolean; again(): void } {
    const { tasks } = this.#options;
    const client = tasksOf(this.#deployment.portsOf(this.#operator));
    const upstreams = Object.keys(this.#deployment.app.upstreams);
    const state = { isDone: false, again: () => begin(async () => {}) };
    const begin = (first: () => Promise<void>) => {
      state.isDone = false;
      const end = (error?: unknown) => {
        state.isDone = true;
        if (error) this.#inspector.fail("simulator", `not let run: ${error}`, "all");
      };
      first()
        .then(() => letAllRun(client, tasks, upstreams))
        .then(() => end(), end);
    };
    begin(async () => {
      for (const { activity, address } of tasks) await client.start(activity, address as never);
    });
    return state;
  }

  #engineOf(record: TaskRecord) {
    return this.#deployment.current(record).engine;
  }

  #isSettled(record: TaskRecord): boolean {
    const { arrivals, owed } = this.#inspector;
    return (
      arrivals.hasArrived(record, this.#deployment.current(record), this.#world.timeline.now) && !owed.owedTo(record)
    );
  }

  #expectArrived(record: TaskRecord, calmAt: number): void {
    this.#inspector.expectArrived(record, this.#deployment.current(record), this.#world.timeline.now - calmAt);
  }

  /** A task that awaits itself, perhaps through others, would sleep for ever, and nobody would hear of it. */
  /** Two that began to await each other in the same moment find it when they look again (rule 13). */
  async #expectNoCircle(): Promise<void> {
    await this.#until(async () => (await this.#circle()) === undefined, recheckMinutes);
    const circle = await this.#circle();
    if (circle) this.#inspector.fail("T7", `it awaits itself: ${circle.join(" → ")}`, circle[0] ?? "");
  }

  async #circle(): Promise<readonly string[] | undefined> {
    const records = await this.#deployment.recordsOfApp();
    const waiting = new Set(records.filter(({ awaiting }) => awaiting).map(taskName));
    for (const record of records) {
      const circle = this.#inspector.owed.circleOf(record, (name) => waiting.has(name));
      if (circle) return circle;
    }
    return undefined;
  }

  async #untilQueuesEmpty(): Promise<void> {
    const { queues, bus } = this.#deployment;
    await this.#until(() => queues.every(({ size }) => size === 0) && bus.underWay === 0, 30);
    const left = queues.reduce((sum, { size }) => sum + size, 0);
    if (left > 0) this.#inspector.fail("no amplification", `${left} messages are still there`, "the queues");
  }

  /** Advances time by minutes until a condition is true, or for at most `minutes`. */
  async #until(isSo: () => boolean | Promise<boolean>, minutes: number): Promise<void> {
    for (let minute = 0; minute < minutes && !this.#inspector.violation; minute++) {
      if (await isSo()) return;
      await this.advance(this.#world.timeline.now + minuteMs);
    }
  }
}
