import type { EngineRules } from "./engine.ts";

/** The lazy engine: a task runs when a signal says that its aggregate has news. */
export const lazyRules: EngineRules = {
  runBy: "queue",
  onSignal: "run",
  setsAlarms: true,
  whenDue: "probe",
  // A due time is there already, and moving it would cost two index writes each run. It is only moved when a long wait
  // has left it further away than the next probe may be.
  sleep: (record, _binding, now, { probePeriodMs }) => {
    const nextProbe = now + probePeriodMs;
    const kept = record.due !== undefined && record.due <= nextProbe;
    return { notBefore: undefined, due: kept ? undefined : nextProbe };
  },
};
