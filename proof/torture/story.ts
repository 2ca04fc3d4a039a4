import type { Evidence } from "./comparison.ts";
import { entityOf } from "./entity.ts";
import { roundsByTask } from "./rounds.ts";

/** What is known of a task, a line a round and commit, in the order of its fences: what a violation is read with. */
export function storyOf({ expected, recordings, commits, tasks }: Evidence, task: string): string[] {
  const entity = entityOf(expected, task);
  const name = (tail: string) => entity?.name(tail) ?? tail;
  type Told = { readonly fence: number; readonly text: string };
  const told: Told[] = [];
  for (const { fence, process, tail, saw, checkpoints, outcome } of roundsByTask(recordings).get(task) ?? []) {
    const handed = saw.length === 0 ? "saw nothing" : `saw ${saw.map(name).join(" ")}`;
    const written = checkpoints.length === 0 ? "" : `, checkpoints ${checkpoints.map(name).join(" ")}`;
    const end = outcome ?? "killed, or threw";
    told.push({ fence, text: `run ${fence} in ${process} from ${name(tail)}: ${handed}${written}; ${end}` });
  }
  for (const { process, lines } of recordings) {
    for (const line of lines) {
      if (line.type !== "act" || line.task !== task) continue;
      told.push({ fence: line.fence, text: `run ${line.fence} in ${process} acted on ${line.count} events` });
    }
  }
  for (const { task: of, fence, type, tail } of commits) {
    if (of !== task) continue;
    told.push({ fence, text: `run ${fence} committed ${tail === undefined ? type : name(tail)}` });
  }
  told.sort((a, b) => a.fence - b.fence);
  const final = tasks.find((one) => one.task === task);
  const end = final
    ? `in the end: ${final.status} at ${name(final.tail)}, fence ${final.fence}`
    : "in the end: no record";
  return [...told.map(({ text }) => text), end];
}
