import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One line of what an activity was handed, written before it went on. */
export type Line =
  /** Level 1: a round of a run begins. */
  | {
      readonly type: "begin";
      readonly round: number;
      readonly task: string;
      readonly fence: number;
      readonly tail: string;
    }
  /** Level 1: the activity was handed an event. */
  | { readonly type: "saw"; readonly round: number; readonly id: string }
  /** Level 1: a checkpoint was written, and said to be. */
  | { readonly type: "checkpoint"; readonly round: number; readonly tail: string }
  /** Level 1: how the round ended. */
  | { readonly type: "end"; readonly round: number; readonly outcome: string; readonly tail: string }
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

/** What the processes of the functions have written, each in the order in which it did. */
export interface ProcessRecording {
  readonly process: string;
  readonly lines: readonly Line[];
}

/** Reads what is in a folder. The last line of a process that was killed in the middle of its write is left out. */
export function readRecordings(folder: string): ProcessRecording[] {
  return readdirSync(folder)
    .sort()
    .map((process) => ({
      process,
      lines: completeLines(readFileSync(join(folder, process), "utf8")).map((text): Line => JSON.parse(text)),
    }));
}

/** A commit that the product has said it made, in its log: it says so after the write. */
export interface LoggedCommit {
  readonly type: "progressed" | "completed";
  readonly task: string;
  readonly fence: number;
  /** Of one that progressed. */
  readonly tail: string | undefined;
}

/** Reads the commits out of the functions' log. What is no JSON object was printed by something else. */
export function readCommits(path: string): LoggedCommit[] {
  return completeLines(readFileSync(path, "utf8")).flatMap((text): LoggedCommit[] => {
    const { msg, task, fence, vid } = parsed(text);
    if (msg !== "progressed" && msg !== "completed") return [];
    return [{ type: msg, task: String(task), fence: Number(fence), tail: vid === undefined ? undefined : String(vid) }];
  });
}

/** How many runs found, when they wrote, that another one has their lease. */
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
