import type { ControlStore } from "../tasks/control.ts";
import type { TickReport } from "./tick.ts";

/** The report of the last tick, for operators: it shows whether the ticks come at all. */
export interface LastTick {
  /** When it ended, in milliseconds since 1970. */
  readonly at: number;
  readonly report: Partial<TickReport>;
}

const document = "last-tick";

/** Records a tick: one write per minute. */
export async function recordTick(control: ControlStore, tick: LastTick): Promise<void> {
  await control.write(document, tick, "any");
}

/** The last tick; undefined if there is none, or it cannot be read. */
export async function readLastTick(control: ControlStore): Promise<LastTick | undefined> {
  const { at, report } = Object((await control.read(document))?.value) as Partial<LastTick>;
  if (!Number.isSafeInteger(at) || at === undefined) return undefined;
  return { at, report: typeof report === "object" && report !== null ? report : {} };
}
