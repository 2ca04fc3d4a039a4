import { timeOf } from "../contract/event-time.ts";
import type { Settled } from "./carry-out.ts";
import type { RunState } from "./run-state.ts";

/** Begins to measure a pass of a run. Call the returned function when the outcome has been written. */
export function measurePass(state: RunState): (settled: Settled) => void {
  const { clock, meter } = state.ports;
  const { activity } = state.key;
  const began = clock.now();
  const eventsBefore = state.events;
  return (settled) => {
    const now = clock.now();
    const events = state.events - eventsBefore;
    meter.add("RunMs", now - began, { activity });
    meter.add("Events", events, { activity });
    const last = state.stream?.last;
    if (!last || events === 0 || settled === "lost") return;
    const at = timeOf(state.binding.stream, last);
    if (at !== undefined) meter.add("LagSeconds", Math.max(0, now - at) / 1000, { activity });
  };
}
