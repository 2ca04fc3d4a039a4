import { decodeTime, isValid } from "ulid";
import type { Recorded, StreamDeclaration } from "./stream.ts";

/**
 * When an event happened, in milliseconds since 1970: from the kind's `time`, or else from a ULID id. Undefined if
 * there is neither, or if `time` throws or returns an invalid date.
 */
export function timeOf({ definition }: StreamDeclaration, recorded: Recorded<unknown>): number | undefined {
  try {
    const at = definition.time
      ? definition.time(recorded).getTime()
      : isValid(recorded.id)
        ? decodeTime(recorded.id)
        : undefined;
    return Number.isFinite(at) ? at : undefined;
  } catch {
    // `time` is the author's function: a throw in it must not fail a run.
    return undefined;
  }
}
