import type { TickReport } from "../../functions/tick/tick.ts";

/** What many ticks came to. */
export class Ticks {
  looks = 0;
  mostLooks = 0;
  longestMs = 0;
  oldestDueMs = 0;
  cutShort = 0;
  woken = 0;

  add(tick: TickReport, tookMs: number): void {
    const { rescued, probed, running, parked, notified, postponed, passed, failed, news } = tick;
    const looks = rescued + probed + running + parked + notified + postponed + passed + failed;
    this.looks += looks;
    this.mostLooks = Math.max(this.mostLooks, looks);
    this.longestMs = Math.max(this.longestMs, tookMs);
    this.oldestDueMs = Math.max(this.oldestDueMs, tick.oldestDueMs);
    this.cutShort += Number(tick.cutShort);
    this.woken += rescued + news;
  }
}
