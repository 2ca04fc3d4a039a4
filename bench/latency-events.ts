import { percentile } from "./measure.ts";
import { repoId } from "./repo-id.ts";

const repos = 50;
export const repoIds = Array.from({ length: repos }, (_, i) => repoId(i));

/** The text of an event: its number, and when it is committed, by the clock that all processes of a machine share. */
export const eventText = (number: number) => `${number} ${process.hrtime.bigint()}`;

/** The line by which a process says that it has just seen an event. */
export function arrivalOf(text: string): string {
  const [number, committedAt = ""] = text.split(" ");
  return `seen ${number} ${Number(process.hrtime.bigint() - BigInt(committedAt)) / 1e6}`;
}

/** When events were first seen, in milliseconds after their commit: after a retry they would come again. */
export class Arrivals {
  readonly #ms = new Map<number, number>();

  /** Takes a line that a process printed; most say something else. */
  read(line: string): void {
    const [, number, ms] = /^seen (\d+) ([\d.]+)$/.exec(line) ?? [];
    if (number !== undefined && !this.#ms.has(Number(number))) this.#ms.set(Number(number), Number(ms));
  }

  get count(): number {
    return this.#ms.size;
  }

  /** The time that so many percent of the events took at most, of those from number `first` on. */
  percentile(percent: number, first: number): number {
    const counted = [...this.#ms].flatMap(([number, ms]) => (number < first ? [] : [ms]));
    return percentile(counted, percent);
  }
}
