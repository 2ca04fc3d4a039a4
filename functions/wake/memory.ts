import type { Clock } from "../foundation/clock.ts";
import type { Alarms } from "./alarms.ts";
import type { LeaderName } from "./leader-name.ts";
import { alarmFor, delayQueueMs, scheduleTime } from "./timing.ts";
import type { TaskWake, WakeMessage } from "./wake.ts";

/** Alarms in memory, with the delays of those on AWS: for tests, benchmarks and the simulator. */
export class MemoryAlarms implements Alarms {
  readonly #clock: Clock;
  #waiting: { readonly message: WakeMessage; readonly at: number }[] = [];

  /** The wakes in the quarantine queue. */
  readonly quarantined: TaskWake[] = [];
  /** The leaders to start. */
  readonly leaders: LeaderName[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async send(messages: readonly WakeMessage[]): Promise<void> {
    const at = this.#clock.now();
    for (const message of messages) this.#waiting.push({ message, at });
  }

  async sendAt(wake: TaskWake, at: number): Promise<void> {
    const now = this.#clock.now();
    const timed = { ...wake, notBefore: at };
    const alarm = alarmFor(at, now);
    const arrives = alarm === "now" ? now : alarm === "delayQueue" ? now + delayQueueMs : scheduleTime(at);
    this.#waiting.push({ message: timed, at: arrives });
  }

  async sendQuarantined(wake: TaskWake): Promise<void> {
    this.quarantined.push(wake);
  }

  async startLeader(leader: LeaderName): Promise<void> {
    this.leaders.push(leader);
  }

  /** Removes and returns the messages that have arrived by now, in the order of arrival. */
  take(): WakeMessage[] {
    const now = this.#clock.now();
    const arrived = this.#waiting.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
    this.#waiting = this.#waiting.filter(({ at }) => at > now);
    return arrived.map(({ message }) => message);
  }

  /** When the next message arrives, in milliseconds since 1970; undefined if none is under way. */
  get next(): number | undefined {
    return this.#waiting.length === 0 ? undefined : Math.min(...this.#waiting.map(({ at }) => at));
  }
}
