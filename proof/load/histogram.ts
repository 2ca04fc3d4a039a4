/** Counts per time span after a moment. */
export class Histogram {
  readonly #title: string;
  readonly #spanMs: number;
  readonly counts: number[] = [];

  constructor(title: string, spanMs: number) {
    this.#title = title;
    this.#spanMs = spanMs;
  }

  add(afterMs: number): void {
    const at = Math.floor(afterMs / this.#spanMs);
    while (this.counts.length <= at) this.counts.push(0);
    this.counts[at] = (this.counts[at] ?? 0) + 1;
  }

  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  get maxCount(): number {
    return this.counts.reduce((max, count) => Math.max(max, count), 0);
  }

  /** Time from the first to the last count, without the given share at each end; in milliseconds. */
  spreadMs(without: number): number {
    const skipped = this.total * without;
    const seen = this.counts.map((_, i) => this.counts.slice(0, i + 1).reduce((sum, count) => sum + count, 0));
    const first = seen.findIndex((count) => count > skipped);
    const last = seen.findIndex((count) => count >= this.total - skipped);
    return (last - first + 1) * this.#spanMs;
  }

  format(): string[] {
    const { maxCount } = this;
    return [
      `  ${this.#title}`,
      ...this.counts.map((count, i) => {
        const bar = "#".repeat(Math.ceil((count / Math.max(1, maxCount)) * 60));
        return `  ${String((i * this.#spanMs) / 1000).padStart(5)} s ${String(count).padStart(7)} ${bar}`;
      }),
    ];
  }
}
