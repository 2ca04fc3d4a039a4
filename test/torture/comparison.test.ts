import { describe, expect, it } from "vitest";
import { compare, type Evidence, type FinalTask } from "../../proof/torture/comparison.ts";
import { emptyFold, foldIn } from "../../proof/torture/fold.ts";
import type { Line, LoggedCommit } from "../../proof/torture/recording.ts";
import { historyOf } from "../../proof/torture/task-history.ts";

const entity = "e";
const ids = ["e1", "e2", "e3", "e4"];
const readTask = `repo/read@${entity}`;
const fold = `repo/fold@${entity}`;

const begin = (pass: number, fence: number, tail: string, task = readTask): Line => ({
  type: "begin",
  ...{ pass, task, fence, tail },
});
const saw = (pass: number, ...seen: string[]): Line[] => seen.map((id) => ({ type: "saw", pass, id }));
const checkpoint = (pass: number, tail: string): Line => ({ type: "checkpoint", pass, tail });
const progressed = (fence: number, tail: string): LoggedCommit => ({ type: "progressed", task: readTask, fence, tail });
const completed = (fence: number): LoggedCommit => ({ type: "completed", task: readTask, fence, tail: undefined });
const atHead: FinalTask = { task: readTask, status: "sleeping", tail: "e4", fence: 9 };

function viewOf(seen: readonly string[]) {
  const view = emptyFold(0);
  for (const id of seen) foldIn(view, id);
  return view;
}

/** What one task of level 1 has left behind, by the processes that ran it. */
function evidence(
  processes: Readonly<Record<string, readonly Line[]>>,
  more: { readonly commits?: readonly LoggedCommit[]; readonly final?: FinalTask } = {},
): Evidence {
  const { commits = [], final = atHead } = more;
  return {
    expected: { histories: new Map([[entity, ids]]), tasks: new Set([final.task]) },
    recordings: Object.entries(processes).map(([process, lines]) => ({ process, lines })),
    commits,
    tasks: [final],
  };
}

const found = (given: Evidence) => compare(given).map(({ promise, what }) => `${promise}: ${what}`);

describe("the comparison of a torture", () => {
  it("finds nothing wrong with runs that were killed, frozen, repeated and taken over", () => {
    const processes = {
      // Killed after an event that it never committed; its successor is handed it again.
      a: [begin(1, 1, "epoch"), ...saw(1, "e1", "e2"), checkpoint(1, "e1")],
      // Frozen with a lease that another one took: what it is still handed is harmless.
      b: [begin(1, 2, "e1"), ...saw(1, "e2", "e3", "e4")],
      // Two passes of one run; a checkpoint of the second lies behind the commit of the first.
      c: [begin(1, 3, "e1"), ...saw(1, "e2"), begin(2, 3, "e2"), ...saw(2, "e3"), checkpoint(2, "e3")],
      d: [begin(1, 4, "e3"), ...saw(1, "e4")],
    };
    const commits = [progressed(3, "e2"), progressed(3, "e3"), progressed(4, "e4")];
    expect(found(evidence(processes, { commits }))).toEqual([]);
  });

  it("finds an event that was skipped within a run (T1)", () => {
    const given = evidence({ a: [begin(1, 1, "epoch"), ...saw(1, "e1", "e3", "e4")] });
    expect(found(given)).toEqual(["T1: its run 1 was handed #3 after #1"]);
  });

  it("finds a run that is not handed the event right after its tail first (T1)", () => {
    const given = evidence({ a: [begin(1, 1, "epoch"), ...saw(1, "e2", "e3", "e4")] });
    expect(found(given)).toEqual(["T1: its run 1 was handed #2 after epoch"]);
  });

  it("finds an event that came twice within a run, and one of another stream (T1)", () => {
    const twice = [begin(1, 1, "epoch"), ...saw(1, "e1", "e1", "e2", "e3", "e4")];
    expect(found(evidence({ a: twice }))).toEqual(["T1: its run 1 was handed #1 after #1"]);
    const strange = [begin(1, 1, "epoch"), ...saw(1, "e1", "e2", "e3", "e4", "x")];
    expect(found(evidence({ a: strange }))).toEqual(["T1: its run 1 was handed x after #4"]);
  });

  it("finds a tail that passed what nobody was handed (T1)", () => {
    const given = evidence({
      a: [begin(1, 1, "epoch"), ...saw(1, "e1")],
      b: [begin(1, 2, "e2"), ...saw(1, "e3", "e4")],
    });
    expect(found(given)).toEqual(["T1: its run 2 began at #2, but #2 was never handed out"]);
    expect(found(evidence({ a: [begin(1, 1, "epoch"), ...saw(1, "e1", "e2", "e3")] }))).toEqual([
      "T1: its tail is #4, but #4 was never handed out",
    ]);
  });

  it("finds a run that began before what was committed: by a checkpoint, by the log, by an earlier run's begin (T2)", () => {
    const first = [begin(1, 1, "epoch"), ...saw(1, "e1", "e2", "e3", "e4")];
    const last = [begin(1, 2, "e1"), ...saw(1, "e2", "e3", "e4")];
    const complaint = (at: number) => [`T2: its run 2 began at #1, after #${at} had been committed`];
    expect(found(evidence({ a: [...first, checkpoint(1, "e3")], b: last }))).toEqual(complaint(3));
    expect(found(evidence({ a: first, b: last }, { commits: [progressed(1, "e2")] }))).toEqual(complaint(2));
    const third = [begin(1, 3, "e1"), ...saw(1, "e2", "e3", "e4")];
    expect(found(evidence({ a: first, b: [begin(1, 2, "e4")], c: third }))).toEqual([
      "T2: its run 3 began at #1, after #4 had been committed",
    ]);
  });

  it("finds a commit of a run that had lost its lease (T2)", () => {
    const processes = {
      a: [begin(1, 1, "epoch"), ...saw(1, "e1")],
      b: [begin(1, 2, "epoch"), ...saw(1, "e1", "e2", "e3", "e4")],
    };
    const stale = { ...atHead, tail: "e1" };
    expect(found(evidence(processes, { commits: [progressed(2, "e4")], final: stale }))).toEqual([
      "T2: its tail is #1, though #4 had been committed",
      "T7: it is sleeping at #1, the head is #4",
    ]);
    expect(found(evidence(processes, { commits: [progressed(1, "e4"), progressed(2, "e2")] }))).toEqual([
      "T2: its run 2 began at epoch, after #4 had been committed",
      "T2: its run 2 committed #2 after #4",
    ]);
  });

  it("finds a fence that two processes had, and one that falls (T2)", () => {
    const all = (fence: number) => [begin(1, fence, "epoch"), ...saw(1, "e1", "e2", "e3", "e4")];
    expect(found(evidence({ a: all(1), b: all(1) }))).toEqual(["T2: the processes a and b both ran as 1"]);
    expect(found(evidence({ a: [...all(2), begin(2, 1, "epoch")] }))).toEqual(["T2: its run 1 began after its run 2"]);
  });

  it("finds a run of a completed task, by its record or by the log (T4)", () => {
    const processes = { a: [begin(1, 1, "epoch"), ...saw(1, "e1", "e2", "e3", "e4")], b: [begin(1, 2, "e4")] };
    const final: FinalTask = { ...atHead, status: "completed", fence: 1 };
    const complaint = ["T4: its run 2 began, though its run 1 had completed it"];
    expect(found(evidence(processes, { final }))).toEqual(complaint);
    expect(found(evidence(processes, { commits: [completed(1)] }))).toEqual(complaint);
    expect(found(evidence({ a: processes.a }, { commits: [completed(1)] }))).toEqual([
      "T4: it is sleeping, though its run 1 had completed it",
    ]);
    expect(found(evidence({ a: processes.a }, { commits: [completed(1)], final }))).toEqual([]);
  });

  it("finds a task that has not come to the head of its stream, and one that nobody started (T7)", () => {
    const given = evidence({ a: [begin(1, 1, "epoch"), ...saw(1, "e1", "e2", "e3", "e4")] });
    expect(found({ ...given, tasks: [{ ...atHead, status: "ready", tail: "e3" }] })).toEqual([
      "T7: it is ready at #3, the head is #4",
    ]);
    expect(found({ ...given, tasks: [] })).toEqual(["T7: it was never started"]);
  });
});

describe("the comparison of views", () => {
  const apply = (id: string, after: string): Line => ({ type: "apply", activity: "fold", id, after });
  const act = (fence: number, seen: readonly string[], view = viewOf(seen)): Line => ({
    ...{ type: "act", task: fold, fence, last: view.last, count: view.count, digest: view.digest },
  });
  const folded = [apply("e1", "epoch"), apply("e2", "e1"), apply("e3", "e2"), apply("e4", "e3")];
  const final = (seen: readonly string[], more: Partial<FinalTask> = {}): FinalTask => ({
    ...{ task: fold, status: "sleeping", tail: "e4", acted: "e4", fence: 9, view: JSON.stringify(viewOf(seen)) },
    ...more,
  });

  it("finds nothing wrong with a view that was folded twice because its run was killed", () => {
    const lines = [...folded.slice(0, 2), ...folded.slice(0, 1), ...folded.slice(1), act(3, ids)];
    expect(found(evidence({ a: lines }, { final: final(ids) }))).toEqual([]);
  });

  it("finds an event that was folded into a view of others (T1), and one that never was", () => {
    const skipped = [apply("e1", "epoch"), apply("e3", "e1"), apply("e4", "e3")];
    expect(found(evidence({ a: skipped }, { final: final(ids) }))).toEqual([
      "T1: #3 was folded into a view of the events up to #1",
      "T1: its tail is #4, but #2 was never folded in",
    ]);
  });

  it("finds a view that is not the fold up to its tail, stored or acted on (T5)", () => {
    expect(found(evidence({ a: folded }, { final: final(["e1", "e2", "e3"]) }))).toEqual([
      "T5: its stored view, at the tail #4, holds 3 events instead of 4",
    ]);
    expect(found(evidence({ a: folded }, { final: final(["e2", "e1", "e3", "e4"]) }))).toEqual([
      "T5: its stored view, at the tail #4, was made of other events, or in another order",
    ]);
    const lines = [...folded, act(2, ids, { ...viewOf(ids.slice(0, 3)), last: "e4" })];
    expect(found(evidence({ a: lines }, { final: final(ids) }))).toEqual([
      "T5: its run 2 acted on a view that holds 3 events instead of 4",
    ]);
  });

  it("finds a view that was not acted on (T7), and a fence that two processes acted as (T2)", () => {
    expect(found(evidence({ a: folded }, { final: final(ids, { acted: "e2" }) }))).toEqual([
      "T7: it has acted on #2, the head is #4",
    ]);
    expect(found(evidence({ a: [...folded, act(2, ids)], b: [act(2, ids)] }, { final: final(ids) }))).toEqual([
      "T2: the processes a and b both ran as 2",
    ]);
  });
});

describe("the history of a task", () => {
  it("is told by its fences, a line a pass and commit", () => {
    const processes = { a: [begin(1, 1, "epoch"), ...saw(1, "e1", "e2"), checkpoint(1, "e1")] };
    expect(historyOf(evidence(processes, { commits: [progressed(2, "e4")] }), readTask)).toEqual([
      "run 1 in a from epoch: saw #1 #2, checkpoints #1; killed, or threw",
      "run 2 committed #4",
      "finally: sleeping at #4, fence 9",
    ]);
  });
});
