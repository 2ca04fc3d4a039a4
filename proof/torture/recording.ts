import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One recorded line, written before the activity continued. */
export type Line =
  /** Level 1: a pass began. */
  | {
      readonly type: "begin";
      readonly pass: number;
      readonly task: string;
      readonly fence: number;
      readonly tail: string;
    }
  /** Level 1: the activity was handed an event. */
  | { readonly type: "saw"; readonly pass: number; readonly id: string }
  /** Level 1: a checkpoint was written and confirmed. */
  | { readonly type: "checkpoint"; readonly pass: number; readonly tail: string }
  /** Level 1: the outcome of the pass. */
  | { readonly type: "end"; readonly pass: number; readonly outcome: string; readonly tail: string }
  /** Level 2: an event was folded into a view that was made of the events up to `after`. */
  | { readonly type: "apply"; readonly activity: string; readonly id: string; readonly after: string }
  /** Level 2: the activity acts on a view of the events up to `last`. */
  | {
      readonly type: "act";
      readonly task: string;
      readonly fence: number;
      readonly last: string;
      readonly count: number;
      readonly digest: string;
    };

/** The recorded lines of one process of a function, in order. */
export interface ProcessRecording {
  readonly process: string;
  readonly lines: readonly Line[];
}

/** Reads the recordings of a folder. Omits an incomplete last line of a killed process. */
export function readRecordings(folder: string): ProcessRecording[] {
  return readdirSync(folder)
    .sort()
    .map((process) => ({
      process,
      lines: completeLines(readFileSync(join(folder, process), "utf8")).map((text): Line => JSON.parse(text)),
    }));
}

/** A commit from the log of the product, which logs it after the write. */
export interface LoggedCommit {
  readonly type: "progressed" | "completed";
  readonly task: string;
  readonly fence: number;
  /** Only of type "progressed". */
  readonly tail: string | undefined;
}

/** Reads the commits from the functions' log. Ignores lines that are not JSON objects. */
export function readCommits(path: string): LoggedCommit[] {
  return completeLines(readFileSync(path, "utf8")).flatMap((text): LoggedCommit[] => {
    const { msg, task, fence, vid } = parsed(text);
    if (msg !== "progressed" && msg !== "completed") return [];
    return [{ type: msg, task: String(task), fence: Number(fence), tail: vid === undefined ? undefined : String(vid) }];
  });
}

/** Number of runs that found their lease taken when they wrote. */
export function countLostLeases(path: string): number {
  return completeLines(readFileSync(path, "utf8")).filter((text) => parsed(text).msg === "lease lost").length;
}

const completeLines = (text: string) => text.split("\n").slice(0, -1);

function parsed(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
