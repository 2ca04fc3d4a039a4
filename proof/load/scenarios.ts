import { loadDay } from "./day.ts";
import { loadOutage } from "./outage.ts";
import type { LoadReport } from "./report.ts";
import { loadStorm } from "./storm.ts";
import { loadTasks } from "./tasks.ts";

/** The settings of a production deployment as in infra/settings.yml, and the default of TAILWAKE_CHECKS_PER_TICK. */
const production = { concurrency: 20, checksPerTick: 2_000 };

/** The scenarios of `npm run load`, by name. */
export const scenarios: Readonly<Record<string, () => Promise<LoadReport>>> = {
  tasks: () =>
    loadTasks({ tasks: 100_000, startsPerSecond: 500, idleMinutes: 60, ...production, checksPerTick: 10_000 }),
  // More tasks than the ticks can check in a probe period.
  backlog: () => loadTasks({ tasks: 100_000, startsPerSecond: 500, idleMinutes: 120, ...production }),
  storm: () => loadStorm({ aggregates: 2_000, signalsPerSecond: 10_000, ...production }),
  "wide-storm": () => loadStorm({ aggregates: 100_000, signalsPerSecond: 10_000, ...production }),
  // A tenth of a million tasks with 10,000 wakes a second: docs/scale.md multiplies it.
  day: () =>
    loadDay({ tasks: 100_000, wakesPerSecond: 1_000, wakingSeconds: 600, concurrency: 30, probeMinutes: 1_440 }),
  outage: () => loadOutage({ tasks: 10_000, ...production }),
};
