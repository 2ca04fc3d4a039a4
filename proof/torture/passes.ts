import type { ProcessRecording } from "./recording.ts";

/** A pass of a level 1 run, as far as it was recorded. */
export interface Pass {
  readonly process: string;
  /** Rises within a process. */
  readonly order: number;
  readonly task: string;
  readonly fence: number;
  readonly tail: string;
  readonly saw: readonly string[];
  readonly checkpoints: readonly string[];
  /** Undefined if the pass was killed or threw. */
  readonly outcome: string | undefined;
}

/** The passes of each task by its name, ordered by fence. */
export function passesByTask(recordings: readonly ProcessRecording[]): Map<string, Pass[]> {
  const passes = new Map<string, Pass[]>();
  for (const { process, lines } of recordings) {
    const open = new Map<number, { saw: string[]; checkpoints: string[]; outcome: string | undefined }>();
    for (const [order, line] of lines.entries()) {
      if (line.type === "begin") {
        const { task, fence, tail } = line;
        const pass = { process, order, task, fence, tail, saw: [], checkpoints: [], outcome: undefined };
        open.set(line.pass, pass);
        passes.set(task, [...(passes.get(task) ?? []), pass]);
      } else if (line.type === "saw") open.get(line.pass)?.saw.push(line.id);
      else if (line.type === "checkpoint") open.get(line.pass)?.checkpoints.push(line.tail);
      else if (line.type === "end") {
        const pass = open.get(line.pass);
        if (pass) pass.outcome = line.outcome;
      }
    }
  }
  for (const ofTask of passes.values()) ofTask.sort((a, b) => a.fence - b.fence || a.order - b.order);
  return passes;
}
