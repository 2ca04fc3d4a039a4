import { recheckMs } from "../tasks/times.ts";
import type { EngineRules } from "./engine.ts";

/** The cron engine: a tick wakes a task at its slots, `startedAt` + k·interval. Signals do not wake it. */
export const cronRules: EngineRules = {
  runBy: "queue",
  onSignal: "ignore",
  setsAlarms: true,
  whenDue: "run",
  sleep: (record, binding, now, _limits, wait) => {
    const slot = nextSlot(record.startedAt, binding.everyMinutes, now);
    return { notBefore: slot, due: wait === "none" ? slot : Math.min(slot, now + recheckMs) };
  },
};

/** The first slot after now. Missed slots are skipped (protocol rule 16). */
function nextSlot(startedAt: number, everyMinutes: number, now: number): number {
  const intervalMs = everyMinutes * 60_000;
  const passed = Math.max(0, Math.floor((now - startedAt) / intervalMs));
  return startedAt + (passed + 1) * intervalMs;
}
