import { TailwakeError } from "../contract/error.ts";
import { epoch, type Tail } from "../contract/tail.ts";
import { type TaskRecord, taskName } from "../tasks/record.ts";
import type { Desk } from "./desk.ts";

/**
 * The tail at a time, for a rewind: the event before the first one that is later than `time`, in milliseconds since
 * 1970. So a rewind to it leaves out no later event. Reads the stream from its beginning up to that event. Throws a
 * `TailwakeError` ("invalid-argument") if an event has no known time, and the server's `ConnectError`.
 */
export async function tailAt(desk: Desk, record: TaskRecord, time: number, signal: AbortSignal): Promise<Tail> {
  let tail: Tail = epoch;
  for await (const { id, at } of desk.events({ ...record, tail: epoch }, { follow: false, signal })) {
    if (at === undefined) {
      throw new TailwakeError({
        code: "invalid-argument",
        subject: `time for ${taskName(record)}`,
        expected: "a stream whose definition has time, or whose ids are ULIDs; else the id of an event, or epoch",
        received: `event ${id} without a known time`,
      });
    }
    if (at > time) return tail;
    tail = id;
  }
  signal.throwIfAborted();
  return tail;
}
