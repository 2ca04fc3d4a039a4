import { dueAsleep, type EngineRules } from "./engine.ts";

/** How often a tick makes sure that a leader can find a task of this engine. */
export const adoptionCheckMs = 3_600_000;

/**
 * The eager engine: a leader watches the streams of many tasks. A task that has caught up goes on watching. It sleeps
 * only while it awaits a child, or after it ran in quarantine.
 */
export const eagerRules: EngineRules = {
  runBy: "leader",
  onSignal: "keep",
  setsAlarms: false,
  whenDue: "leave",
  sleep: (record, _binding, now, _limits, wait) => ({
    notBefore: undefined,
    due: dueAsleep(record, now, adoptionCheckMs, wait),
  }),
};
