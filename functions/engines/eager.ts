import type { EngineRules } from "./engine.ts";

/** How often a tick makes sure that a task of this engine can be found by a leader. */
export const adoptionCheckMs = 3_600_000;

/**
 * The eager engine: a leader watches the streams of many tasks. A task that has caught up goes on watching and sleeps
 * only while it awaits a child, or when it had to run alone.
 */
export const eagerRules: EngineRules = {
  runBy: "leader",
  onSignal: "keep",
  setsAlarms: false,
  whenDue: "leave",
  sleep: (record, _binding, now) => {
    const kept = record.due !== undefined && record.due <= now + adoptionCheckMs;
    return { notBefore: undefined, due: kept ? undefined : now + adoptionCheckMs };
  },
};
