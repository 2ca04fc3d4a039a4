import { TailwakeError } from "../contract/error.ts";
import { epoch, type Tail } from "../contract/tail.ts";
import { type TaskRecord, taskName } from "../tasks/record.ts";
import type { Desk } from "./desk.ts";

/**
 * The tail at a time, for a rewind to it: the last event of the stream before the first one that is later, so that nothing
 * after the time is left out. Reads the stream from its beginning, as far as that. Throws a `TailwakeError`
 * ("invalid-argument") for a stream whose events do not say when they were made, and the server's `ConnectError`.
 */
export async function tailAt(desk: Desk, record: TaskRecord, time: number, signal: AbortSignal): Promise<Tail> {
  let tail: Tail = epoch;
  for await (const { id, at } of desk.events({ ...record, tail: epoch }, { follow: false, signal })) {
    if (at === undefined) {
      throw new TailwakeError({
        code: "invalid-argument",
        subject: `time for ${taskName(record)}`,
        expected: "a stream whose definition has time, or whose ids are ULIDs; else the id of an event, or epoch",
        received: `event ${id}, of which nobody knows when it was made`,
      });
    }
    if (at > time) return tail;
    tail = id;
  }
  signal.throwIfAborted();
  return tail;
}
