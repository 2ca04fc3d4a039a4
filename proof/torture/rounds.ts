import type { ProcessRecording } from "./recording.ts";

/** A round of a run of level 1, as far as it came. */
export interface Round {
  readonly process: string;
  /** Rises in a process. */
  readonly order: number;
  readonly task: string;
  readonly fence: number;
  readonly tail: string;
  readonly saw: readonly string[];
  readonly checkpoints: readonly string[];
  /** Undefined if it was killed, or threw. */
  readonly outcome: string | undefined;
}

/** The rounds of each task, by its name, in the order of their fences. */
export function roundsByTask(recordings: readonly ProcessRecording[]): Map<string, Round[]> {
  const rounds = new Map<string, Round[]>();
  for (const { process, lines } of recordings) {
    const open = new Map<number, { saw: string[]; checkpoints: string[]; outcome: string | undefined }>();
    for (const [order, line] of lines.entries()) {
      if (line.type === "begin") {
        const { task, fence, tail } = line;
        const round = { process, order, task, fence, tail, saw: [], checkpoints: [], outcome: undefined };
        open.set(line.round, round);
        rounds.set(task, [...(rounds.get(task) ?? []), round]);
      } else if (line.type === "saw") open.get(line.round)?.saw.push(line.id);
      else if (line.type === "checkpoint") open.get(line.round)?.checkpoints.push(line.tail);
      else if (line.type === "end") {
        const round = open.get(line.round);
        if (round) round.outcome = line.outcome;
      }
    }
  }
  for (const ofTask of rounds.values()) ofTask.sort((a, b) => a.fence - b.fence || a.order - b.order);
  return rounds;
}
