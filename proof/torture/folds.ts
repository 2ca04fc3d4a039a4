import type { Evidence, Violation } from "./comparison.ts";
import { type Entity, entityOf } from "./entity.ts";
import { emptyFold, type Fold, foldIn } from "./fold.ts";

type Add = (promise: Violation["promise"], task: string, what: string) => void;

/**
 * Level 2. An event is folded only into a view of all events before it (T1), each event is folded at least once, and a
 * view is always the fold of the events up to its tail, both when the activity acts and when the view is stored (T5).
 */
export function checkFolds({ expected, recordings, tasks }: Evidence, add: Add): void {
  const home = new Map<string, string>();
  for (const [entity, ids] of expected.histories) for (const id of ids) home.set(id, entity);
  const applied = new Map<string, Set<string>>();
  const runs = new Map<string, string>();
  for (const { process, lines } of recordings) {
    const latest = new Map<string, number>();
    for (const line of lines) {
      if (line.type === "apply") {
        const task = `repo/${line.activity}@${home.get(line.id)}`;
        const entity = entityOf(expected, task);
        if (entity?.position(line.id) !== (entity?.position(line.after) ?? -2) + 1) {
          const name = (id: string) => entity?.name(id) ?? id;
          add("T1", task, `${name(line.id)} was folded into a view of the events up to ${name(line.after)}`);
        }
        const known = applied.get(task) ?? new Set();
        applied.set(task, known.add(line.id));
      } else if (line.type === "act") {
        const { task, fence } = line;
        const entity = entityOf(expected, task);
        const difference = entity && differenceOf(line, foldOf(entity, line.last));
        if (difference) add("T5", task, `its run ${fence} acted on a view that ${difference}`);
        const other = runs.get(`${task} ${fence}`) ?? process;
        if (other !== process) add("T2", task, `the processes ${other} and ${process} both ran as ${fence}`);
        runs.set(`${task} ${fence}`, process);
        if ((latest.get(task) ?? 0) > fence)
          add("T2", task, `its run ${fence} acted after its run ${latest.get(task)}`);
        latest.set(task, fence);
      }
    }
  }
  for (const { task, tail, view } of tasks) {
    const entity = entityOf(expected, task);
    if (!entity || view === undefined) continue;
    const difference = differenceOf(JSON.parse(view), foldOf(entity, tail));
    if (difference) add("T5", task, `its stored view, at the tail ${entity.name(tail)}, ${difference}`);
    const missing = entity.ids.slice(0, entity.position(tail) ?? 0).find((id) => !applied.get(task)?.has(id));
    if (missing) add("T1", task, `its tail is ${entity.name(tail)}, but ${entity.name(missing)} was never folded in`);
  }
}

function foldOf(entity: Entity, tail: string): Fold {
  const fold = emptyFold(0);
  for (const id of entity.ids.slice(0, entity.position(tail) ?? 0)) foldIn(fold, id);
  return fold;
}

function differenceOf(view: Pick<Fold, "count" | "last" | "digest">, fold: Fold): string | undefined {
  if (view.count !== fold.count) return `holds ${view.count} events instead of ${fold.count}`;
  if (view.digest !== fold.digest) return "was made of other events, or in another order";
  return view.last === fold.last ? undefined : `ends with ${view.last} instead of ${fold.last}`;
}
