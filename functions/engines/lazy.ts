import type { EngineRules } from "./engine.ts";

/** The lazy engine: a task runs when a signal says that its aggregate has news. */
export const lazyRules: EngineRules = {
  runBy: "queue",
  onSignal: "run",
  setsAlarms: true,
  whenDue: "probe",
  // To move the due time costs two index writes. So a run keeps it, unless a long wait has moved it beyond the next
  // probe.
  sleep: (record, _binding, now, { probePeriodMs }) => {
    const nextProbe = now + probePeriodMs;
    const kept = record.due !== undefined && record.due <= nextProbe;
    return { notBefore: undefined, due: kept ? undefined : nextProbe };
  },
};
