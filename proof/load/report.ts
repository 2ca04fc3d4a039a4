import type { Histogram } from "./histogram.ts";

/** Something that was counted or measured; `most`: the bound that it is held to. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly most?: number;
}

export interface LoadReport {
  readonly scenario: string;
  /** What was done, in a sentence. */
  readonly what: string;
  readonly figures: readonly Figure[];
  readonly histogram?: Histogram;
}

/** The figures that are beyond their bounds. */
export function beyond({ figures }: LoadReport): Figure[] {
  return figures.filter(({ value, most }) => most !== undefined && !(value <= most));
}

export function inWords(report: LoadReport): string {
  const width = Math.max(...report.figures.map(({ what }) => what.length));
  const broken = beyond(report);
  return [
    `${report.scenario}: ${report.what}`,
    ...report.figures.map((figure) => {
      const { what, value, most } = figure;
      const bound =
        most === undefined ? "" : `  at most ${numberText(most)}${broken.includes(figure) ? "  BROKEN" : ""}`;
      return `  ${what.padEnd(width)}  ${numberText(value).padStart(11)}${bound}`;
    }),
    ...(report.histogram ? ["", ...report.histogram.inWords()] : []),
    broken.length === 0 ? "  every bound holds" : `  ${broken.length} of the bounds are broken`,
  ].join("\n");
}

export function inJson(report: LoadReport): string {
  const { histogram, ...rest } = report;
  return JSON.stringify({ ...rest, ...(histogram && { histogram: histogram.counts }), broken: beyond(report) });
}

const numberText = (value: number): string =>
  value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 100 ? 2 : 0 });
