import { join } from "node:path";
import type { TaskRecord } from "../functions/tasks/record.ts";

export interface JobReport {
  readonly root: string;
  /** Total apparent size of the root, as `du -s --apparent-size --block-size=1` gives it. */
  readonly bytes: number;
  /** Directories in the result. */
  readonly entries: number;
  /** Runs of activities in this start. */
  readonly runs: number;
  /** Writes to the task table in this start. */
  readonly writes: number;
  readonly seconds: number;
}

/** A task's fence rises with each of its runs. */
export const runsOf = (tasks: readonly TaskRecord[]): number => tasks.reduce((sum, { fence }) => sum + fence, 0);

/**
 * A table of the largest directories, one per line; the keys of `usage` are relative to the root, "." for the root
 * itself.
 */
export function directoryTable(root: string, usage: ReadonlyMap<string, bigint>, rows: number): string {
  const largest = [...usage].sort(([, a], [, b]) => (a < b ? 1 : a > b ? -1 : 0)).slice(0, rows);
  const width = Math.max(...largest.map(([, bytes]) => grouped(bytes).length), "bytes".length);
  const line = (bytes: string, size: string, path: string) =>
    `${bytes.padStart(width)}  ${size.padStart(9)}  ${path}\n`;
  const lines = largest.map(([path, bytes]) => line(grouped(bytes), readableSize(bytes), join(root, path)));
  return [line("bytes", "size", "directory"), ...lines].join("");
}

/** Bytes in units of 1024, with one decimal. */
export function readableSize(bytes: bigint): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = Number(bytes);
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Digits in groups of three. */
export const grouped = (value: bigint | number): string => value.toString().replaceAll(/\B(?=(\d{3})+$)/g, ",");

/** Formats a log line of a function for people; returns a line that is not JSON unchanged. */
export function readableLog(functionName: string, line: string): string {
  const fields = parse(line);
  if (!fields) return `${functionName}: ${line}`;
  const { level, msg, time, requestId: _, coldStart: __, ...rest } = fields;
  const pairs = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const clock = typeof time === "string" ? time.slice(11, 23) : "";
  return `${clock} ${functionName.padEnd(7)} ${String(level).padEnd(5)} ${msg}  ${pairs.join(" ")}`.trimEnd();
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
