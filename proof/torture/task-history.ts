import type { Evidence } from "./comparison.ts";
import { entityOf } from "./entity.ts";
import { passesByTask } from "./passes.ts";

/** The history of a task, one line per pass and commit, ordered by fence; printed with a violation. */
export function historyOf({ expected, recordings, commits, tasks }: Evidence, task: string): string[] {
  const entity = entityOf(expected, task);
  const name = (tail: string) => entity?.name(tail) ?? tail;
  type Entry = { readonly fence: number; readonly text: string };
  const entries: Entry[] = [];
  for (const { fence, process, tail, saw, checkpoints, outcome } of passesByTask(recordings).get(task) ?? []) {
    const handed = saw.length === 0 ? "saw nothing" : `saw ${saw.map(name).join(" ")}`;
    const written = checkpoints.length === 0 ? "" : `, checkpoints ${checkpoints.map(name).join(" ")}`;
    const end = outcome ?? "killed, or threw";
    entries.push({ fence, text: `run ${fence} in ${process} from ${name(tail)}: ${handed}${written}; ${end}` });
  }
  for (const { process, lines } of recordings) {
    for (const line of lines) {
      if (line.type !== "act" || line.task !== task) continue;
      entries.push({ fence: line.fence, text: `run ${line.fence} in ${process} acted on ${line.count} events` });
    }
  }
  for (const { task: of, fence, type, tail } of commits) {
    if (of !== task) continue;
    entries.push({ fence, text: `run ${fence} committed ${tail === undefined ? type : name(tail)}` });
  }
  entries.sort((a, b) => a.fence - b.fence);
  const final = tasks.find((one) => one.task === task);
  const end = final ? `finally: ${final.status} at ${name(final.tail)}, fence ${final.fence}` : "finally: no record";
  return [...entries.map(({ text }) => text), end];
}
