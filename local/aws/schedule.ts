import type { Clock } from "../../functions/foundation/clock.ts";
import type { ScheduleDefinition } from "./schedule-definition.ts";

export interface ScheduleRun {
  readonly clock: Clock;
  /** Calls the target; `dueMs` is the time at which the schedule was due. */
  readonly fire: (schedule: Schedule, dueMs: number) => void;
  /** Called when the schedule will not fire again. */
  readonly complete: (schedule: Schedule) => void;
  /** Delay of a run after its due time, in milliseconds. */
  readonly delayMs: () => number;
}

/** Timers cannot exceed 2^31 ms, so a long wait is split into steps. */
const maxSleepMs = 86_400_000;

/** One schedule and the loop that waits for its due times. */
export class Schedule {
  readonly arn: string;
  readonly createdAt: number;
  readonly clientToken: string | undefined;
  modifiedAt: number;
  definition: ScheduleDefinition;
  #task = Promise.resolve();
  #stop = new AbortController();

  constructor(arn: string, definition: ScheduleDefinition, now: number, clientToken: string | undefined) {
    this.arn = arn;
    this.definition = definition;
    this.createdAt = now;
    this.modifiedAt = now;
    this.clientToken = clientToken;
  }

  /** The first due time at or after `fromMs`. */
  nextDue(fromMs: number): number | undefined {
    const { expression, startMs, endMs } = this.definition;
    if (expression.kind === "at") return expression.next(fromMs - 1, fromMs);
    const due = expression.next(Math.max(fromMs, startMs ?? fromMs) - 1, startMs ?? this.createdAt);
    return due !== undefined && endMs !== undefined && due > endMs ? undefined : due;
  }

  /** Waits for the due times of the current definition and stops waiting for those of an earlier one. */
  start(run: ScheduleRun): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    if (this.definition.enabled) this.#task = this.#wait(run, this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#task;
  }

  async #wait(run: ScheduleRun, signal: AbortSignal): Promise<void> {
    const { clock } = run;
    // A rate is due immediately; a cron time equal to now has already passed.
    const isCron = this.definition.expression.kind === "cron";
    let due = this.nextDue(isCron ? this.modifiedAt + 1 : this.modifiedAt);
    while (due !== undefined) {
      const at = due + run.delayMs();
      // Yield once, so that creating a schedule never calls its target before it returns.
      await Promise.resolve();
      while (!signal.aborted && clock.now() < at) {
        await clock.sleep(Math.min(at - clock.now(), maxSleepMs), signal);
      }
      if (signal.aborted) return;
      run.fire(this, due);
      due = this.nextDue(Math.max(due + 1, clock.now()));
    }
    run.complete(this);
  }
}
