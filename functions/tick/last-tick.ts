import type { ControlStore } from "../tasks/control.ts";
import type { TickReport } from "./tick.ts";

/** What the last tick found, for operators: without it nobody could tell a quiet table from a tick that does not come. */
export interface LastTick {
  /** When it ended, in milliseconds since 1970. */
  readonly at: number;
  readonly report: Partial<TickReport>;
}

const document = "last-tick";

/** Leaves word of a tick: one write a minute. */
export async function recordTick(control: ControlStore, tick: LastTick): Promise<void> {
  await control.write(document, tick, "any");
}

/** The last tick's word; undefined if there is none that can be read. */
export async function readLastTick(control: ControlStore): Promise<LastTick | undefined> {
  const { at, report } = Object((await control.read(document))?.value) as Partial<LastTick>;
  if (!Number.isSafeInteger(at) || at === undefined) return undefined;
  return { at, report: typeof report === "object" && report !== null ? report : {} };
}
