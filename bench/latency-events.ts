import { percentile } from "./measure.ts";
import { repoId } from "./repo-id.ts";

const repos = 50;
export const repoIds = Array.from({ length: repos }, (_, i) => repoId(i));

/**
 * The text of an event: its number and its commit time, by the monotonic clock that all processes of a machine share.
 */
export const eventText = (number: number) => `${number} ${process.hrtime.bigint()}`;

/** The line that a process prints when it sees an event. */
export function arrivalOf(text: string): string {
  const [number, committedAt = ""] = text.split(" ");
  return `seen ${number} ${Number(process.hrtime.bigint() - BigInt(committedAt)) / 1e6}`;
}

/** First arrival of each event, in milliseconds after its commit; after a retry an event can arrive again. */
export class Arrivals {
  readonly #ms = new Map<number, number>();

  /** Reads a line that a process printed; ignores lines about something else. */
  read(line: string): void {
    const [, number, ms] = /^seen (\d+) ([\d.]+)$/.exec(line) ?? [];
    if (number !== undefined && !this.#ms.has(Number(number))) this.#ms.set(Number(number), Number(ms));
  }

  get count(): number {
    return this.#ms.size;
  }

  /** The latency percentile of the events from number `first` on. */
  percentile(percent: number, first: number): number {
    const counted = [...this.#ms].flatMap(([number, ms]) => (number < first ? [] : [ms]));
    return percentile(counted, percent);
  }
}
