import type { LeaderName } from "./leader-name.ts";
import type { TaskWake, WakeMessage } from "./wake.ts";

/**
 * Sends wakes and signals. A message arrives at least once, in any order, or is lost: then the due index finds the
 * task. So callers write the record first and never rely on a wake. Alarms do not read records.
 */
export interface Alarms {
  /**
   * Sends messages now. Settles when nothing is under way any more. Throws a `TailwakeError` ("wake-failed") if some
   * could not be sent after several attempts; `unsentOf` says which.
   */
  send(messages: readonly WakeMessage[]): Promise<void>;
  /**
   * Sends a wake not before `at`, in milliseconds since 1970; a time in the past means now. A wake within the next
   * minute arrives up to 20 s late, a later one up to a minute.
   */
  sendAt(wake: TaskWake, at: number): Promise<void>;
  /** Sends a wake to the quarantine queue, whose messages are delivered one at a time. */
  sendQuarantined(wake: TaskWake): Promise<void>;
  /** Starts an instance of the signals or the eager function. It ends at once if there is a leader already. */
  startLeader(leader: LeaderName): Promise<void>;
}
