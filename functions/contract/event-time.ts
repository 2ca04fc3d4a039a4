import { decodeTime, isValid } from "ulid";
import type { Recorded, StreamDeclaration } from "./stream.ts";

/**
 * When an event happened, in milliseconds since 1970: as its kind says, else the time of a ULID id. Undefined if neither
 * knows, or if what the kind says is no time.
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
    // The author's own function: that a time is not known fails no run.
    return undefined;
  }
}
