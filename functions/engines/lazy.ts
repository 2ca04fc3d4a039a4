import { dueAsleep, type EngineRules } from "./engine.ts";

/** The lazy engine: a task runs when a signal says that its aggregate has news. */
export const lazyRules: EngineRules = {
  runBy: "queue",
  onSignal: "run",
  setsAlarms: true,
  whenDue: "probe",
  sleep: (record, _binding, now, { probePeriodMs }, wait) => ({
    notBefore: undefined,
    due: dueAsleep(record, now, probePeriodMs, wait),
  }),
};
