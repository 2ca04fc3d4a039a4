import type { TickReport } from "../../functions/tick/tick.ts";

/** Totals of many ticks. */
export class Ticks {
  checks = 0;
  maxChecks = 0;
  maxMs = 0;
  oldestDueMs = 0;
  cutShort = 0;
  woken = 0;

  add(tick: TickReport, tookMs: number): void {
    const { rescued, probed, running, parked, notified, postponed, passed, failed, news } = tick;
    const checks = rescued + probed + running + parked + notified + postponed + passed + failed;
    this.checks += checks;
    this.maxChecks = Math.max(this.maxChecks, checks);
    this.maxMs = Math.max(this.maxMs, tookMs);
    this.oldestDueMs = Math.max(this.oldestDueMs, tick.oldestDueMs);
    this.cutShort += Number(tick.cutShort);
    this.woken += rescued + news;
  }
}
