import type { Histogram } from "./histogram.ts";

/** A count or measurement, with its maximum if it is bounded. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly max?: number;
}

export interface LoadReport {
  readonly scenario: string;
  /** Description of the load. */
  readonly what: string;
  readonly figures: readonly Figure[];
  readonly histogram?: Histogram;
}

/** The figures that exceed their bounds. */
export function beyond({ figures }: LoadReport): Figure[] {
  return figures.filter(({ value, max }) => max !== undefined && !(value <= max));
}

export function formatReport(report: LoadReport): string {
  const width = Math.max(...report.figures.map(({ what }) => what.length));
  const broken = beyond(report);
  return [
    `${report.scenario}: ${report.what}`,
    ...report.figures.map((figure) => {
      const { what, value, max } = figure;
      const bound = max === undefined ? "" : `  at most ${numberText(max)}${broken.includes(figure) ? "  BROKEN" : ""}`;
      return `  ${what.padEnd(width)}  ${numberText(value).padStart(11)}${bound}`;
    }),
    ...(report.histogram ? ["", ...report.histogram.format()] : []),
    broken.length === 0 ? "  every bound holds" : `  ${broken.length} bounds are broken`,
  ].join("\n");
}

export function inJson(report: LoadReport): string {
  const { histogram, ...rest } = report;
  return JSON.stringify({ ...rest, ...(histogram && { histogram: histogram.counts }), broken: beyond(report) });
}

const numberText = (value: number): string =>
  value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 100 ? 2 : 0 });
