import { timeOf } from "../contract/event-time.ts";
import type { RunState } from "./run-state.ts";
import type { Settled } from "./settle.ts";

/** Begins to measure a round of a run; call what it returns when the round's outcome has been written. */
export function measureRound(state: RunState): (settled: Settled) => void {
  const { clock, meter } = state.machinery;
  const { activity } = state.key;
  const began = clock.now();
  // A watching run goes on reading the same stream.
  const { stream: before } = state;
  const deliveredBefore = before?.delivered ?? 0;
  return (settled) => {
    const now = clock.now();
    const { stream, binding } = state;
    const events = (stream?.delivered ?? 0) - (stream === before ? deliveredBefore : 0);
    meter.add("RunMs", now - began, { activity });
    meter.add("Events", events, { activity });
    if (!stream?.last || events === 0 || settled === "lost") return;
    const at = timeOf(binding.stream, stream.last);
    if (at !== undefined) meter.add("LagSeconds", Math.max(0, now - at) / 1000, { activity });
  };
}
