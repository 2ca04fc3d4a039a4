import type { LeaderName } from "./leader-name.ts";
import type { TaskWake, WakeMessage } from "./wake.ts";

/**
 * The alarm clocks. Each message arrives at least once, in no order, unless it is lost: then the due index finds the
 * task, so callers write the record first and never rely on a wake. It does not look at records.
 */
export interface Alarms {
  /** Sends messages now. Throws a `TailwakeError` ("wake-failed") if some could not be sent after several tries. */
  send(messages: readonly WakeMessage[]): Promise<void>;
  /**
   * Sends a wake not before `at`, in milliseconds since 1970; a time that has passed means now. Times within a minute
   * come up to 20 s late, later ones up to a minute.
   */
  sendAt(wake: TaskWake, at: number): Promise<void>;
  /** Sends a wake to the queue whose messages are delivered one at a time. */
  sendQuarantined(wake: TaskWake): Promise<void>;
  /** Starts an instance of the signals or the eager function; one that finds the place taken ends at once. */
  startLeader(leader: LeaderName): Promise<void>;
}
