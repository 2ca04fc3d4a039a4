import { type Entity, entityOf } from "./entity.ts";
import { checkFolds } from "./folds.ts";
import type { Expected } from "./histories.ts";
import { type Pass, passesByTask } from "./passes.ts";
import type { LoggedCommit, ProcessRecording } from "./recording.ts";

/** The final state of a task in the table. */
export interface FinalTask {
  readonly task: string;
  readonly status: string;
  readonly tail: string;
  readonly fence: number;
  /** Level 2: the last event that an uncompleted task acted on, and its view. */
  readonly acted?: string | undefined;
  readonly view?: string | undefined;
}

export interface Evidence {
  readonly expected: Expected;
  readonly recordings: readonly ProcessRecording[];
  readonly commits: readonly LoggedCommit[];
  readonly tasks: readonly FinalTask[];
}

export interface Violation {
  readonly promise: "T1" | "T2" | "T4" | "T5" | "T7";
  readonly task: string;
  readonly what: string;
}

/**
 * Compares what all activities were handed, and what was committed, with the journal. Everything used was recorded by a
 * process before it continued, or logged by the product after it acted. Records that are missing because a process was
 * killed prove nothing, and are never taken for a violation.
 */
export function compare(evidence: Evidence): Violation[] {
  const { expected, recordings, commits, tasks } = evidence;
  const violations: Violation[] = [];
  const add = (promise: Violation["promise"], task: string, what: string) => violations.push({ promise, task, what });
  const passes = passesByTask(recordings);
  const commitsOf = new Map<string, LoggedCommit[]>();
  for (const commit of commits) commitsOf.set(commit.task, [...(commitsOf.get(commit.task) ?? []), commit]);
  const final = new Map(tasks.map((task) => [task.task, task]));
  for (const task of new Set([...expected.tasks, ...final.keys(), ...passes.keys(), ...commitsOf.keys()])) {
    const entity = entityOf(expected, task);
    if (!entity) {
      add("T1", task, "its aggregate is not in the journal");
      continue;
    }
    const found: Add = (promise, what) => add(promise, task, what);
    const known: Known = {
      entity,
      passes: passes.get(task) ?? [],
      commits: commitsOf.get(task) ?? [],
      final: final.get(task),
    };
    checkHandedOut(known, found);
    checkFences(known, found);
    checkTails(known, found);
    checkCompletion(known, found);
    const why = behind(expected, task, known.final);
    if (why) found("T7", why);
  }
  checkFolds(evidence, add);
  return violations;
}

type Add = (promise: Violation["promise"], what: string) => void;

interface Known {
  readonly entity: Entity;
  /** Ordered by fence, then by order in the process. */
  readonly passes: readonly Pass[];
  readonly commits: readonly LoggedCommit[];
  readonly final: FinalTask | undefined;
}

/** Why a task is not where it should be after faults have stopped; undefined if it is (T7). */
export function behind(expected: Expected, task: string, found: FinalTask | undefined): string | undefined {
  if (!found) return "it was never started";
  if (found.status === "completed") return undefined;
  const entity = entityOf(expected, task);
  const head = entity?.ids.at(-1) ?? "epoch";
  if (found.tail !== head)
    return `it is ${found.status} at ${entity?.name(found.tail)}, the head is ${entity?.name(head)}`;
  if (found.view !== undefined && found.acted !== head) {
    return `it has acted on ${entity?.name(found.acted ?? "epoch")}, the head is ${entity?.name(head)}`;
  }
  return undefined;
}

/** T1: each pass is handed the events right after the tail that it began with, in order. */
function checkHandedOut({ entity, passes }: Known, add: Add): void {
  for (const { fence, tail, saw } of passes) {
    let at = entity.position(tail);
    if (at === undefined) {
      add("T1", `its run ${fence} began at ${tail}, which is none of the stream's events`);
      continue;
    }
    for (const id of saw) {
      const next = entity.position(id);
      if (next !== at + 1) {
        add("T1", `its run ${fence} was handed ${entity.name(id)} after ${entity.name(entity.ids[at - 1] ?? "epoch")}`);
        break;
      }
      at = next;
    }
  }
}

/** T2: a fence belongs to one run, so to one process, and the fences of a process rise. */
function checkFences({ passes }: Known, add: Add): void {
  const owner = new Map<number, string>();
  const latest = new Map<string, Pass>();
  for (const { fence, process } of passes) {
    const other = owner.get(fence);
    if (other !== undefined && other !== process)
      add("T2", `the processes ${other} and ${process} both ran as ${fence}`);
    owner.set(fence, process);
  }
  for (const pass of [...passes].sort((a, b) => a.order - b.order)) {
    const before = latest.get(pass.process);
    if (before && before.fence > pass.fence) add("T2", `its run ${pass.fence} began after its run ${before.fence}`);
    latest.set(pass.process, pass);
  }
}

/**
 * A run begins where the runs before it ended: never before what they committed (T2), never after what they were handed
 * (T1).
 */
function checkTails({ entity, passes, commits, final }: Known, add: Add): void {
  const at = (tail: string) => entity.position(tail) ?? 0;
  let [committed, reached] = [0, 0];
  for (const fence of [...new Set([...passes, ...commits].map((one) => one.fence))].sort((a, b) => a - b)) {
    // A run's commits bind later runs; the order of its own commits and passes is unknown.
    let committedNow = committed;
    const ofRun = passes.filter((one) => one.fence === fence).sort((a, b) => a.order - b.order);
    for (const pass of ofRun) {
      const begin = at(pass.tail);
      const where = `its run ${fence} began at ${entity.name(pass.tail)}`;
      if (begin < committed) add("T2", `${where}, after #${committed} had been committed`);
      if (begin > reached) add("T1", `${where}, but #${reached + 1} was never handed out`);
      reached = Math.max(reached, begin, ...pass.saw.map(at));
      // A watching run may be a second ahead of its last write, so only its first tail was stored.
      const stored = pass === ofRun[0] ? [begin] : [];
      committedNow = Math.max(committedNow, ...stored, ...pass.checkpoints.map(at));
    }
    for (const { tail } of commits.filter((one) => one.fence === fence)) {
      if (tail === undefined) continue;
      if (at(tail) < committed) add("T2", `its run ${fence} committed ${entity.name(tail)} after #${committed}`);
      committedNow = Math.max(committedNow, at(tail));
    }
    committed = committedNow;
  }
  if (!final) return;
  const where = `its tail is ${entity.name(final.tail)}`;
  if (entity.position(final.tail) === undefined) add("T1", `${where}, which is none of the stream's events`);
  if (at(final.tail) < committed) add("T2", `${where}, though #${committed} had been committed`);
  // For a task with a view, checkFolds checks what was folded into it.
  if (final.view === undefined && at(final.tail) > reached) {
    add("T1", `${where}, but #${reached + 1} was never handed out`);
  }
}

/** T4: no run follows the run that completed the task. */
function checkCompletion({ passes, commits, final }: Known, add: Add): void {
  const completions = commits.filter(({ type }) => type === "completed").map(({ fence }) => fence);
  if (final?.status === "completed") completions.push(final.fence);
  if (completions.length === 0) return;
  const first = Math.min(...completions);
  const later = passes.find(({ fence }) => fence > first);
  if (later) add("T4", `its run ${later.fence} began, though its run ${first} had completed it`);
  else if (final && final.status !== "completed")
    add("T4", `it is ${final.status}, though its run ${first} had completed it`);
}
