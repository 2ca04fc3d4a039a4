import type { SimulationReport } from "../../functions/testing/simulation/simulate.ts";

/** Totals of many simulations. */
export class Tally {
  simulations = 0;
  steps = 0;
  simulatedHours = 0;
  invocations = 0;
  kills = 0;
  writes = 0;
  attempts = 0;
  events = 0;
  readonly settledMinutes: number[] = [];
  /** Seeds with violations, and the broken rule. */
  readonly violations: { readonly seed: number; readonly rule: string }[] = [];

  add(report: SimulationReport): void {
    this.simulations++;
    this.steps += report.steps;
    this.simulatedHours += report.simulatedMinutes / 60;
    this.invocations += report.invocations;
    this.kills += report.kills;
    this.writes += report.writes;
    this.attempts += report.attempts;
    this.events += report.events;
    if (report.violation) this.violations.push({ seed: report.seed, rule: report.violation.rule });
    else this.settledMinutes.push(report.settledMinutes);
  }

  format(seconds: number, cores: number): string {
    const many = (count: number) => Math.round(count).toLocaleString("en");
    const { violations } = this;
    return [
      `${many(this.simulations)} simulations, ${many(this.simulatedHours)} simulated hours, in ${seconds.toFixed(1)} s`,
      `${many(this.steps)} steps, ${many(this.steps / seconds / cores)} per second on each of ${cores} cores`,
      `${many(this.invocations)} invocations, ${many(this.kills)} killed; ${many(this.writes)} writes; ` +
        `${many(this.attempts)} calls of activities, ${many(this.events)} events`,
      `at rest after the faults: half within ${percentile(this.settledMinutes, 0.5)} min, 99 % within ${percentile(this.settledMinutes, 0.99)} min`,
      violations.length === 0
        ? "every promise was kept"
        : `${violations.length} broke a promise: ${violations.map(({ seed, rule }) => `seed ${seed} (${rule})`).join(", ")}`,
    ].join("\n");
  }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1));
}
