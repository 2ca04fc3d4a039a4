import { setTimeout as sleep } from "node:timers/promises";
import { behind, compare, type FinalTask, type Violation } from "./comparison.ts";
import { readExpected } from "./histories.ts";
import { type Kills, killUntil, onlyFreezes } from "./kills.ts";
import { commitToAll, loadUntil } from "./load.ts";
import { steadyRepos } from "./plan.ts";
import { countLostLeases, type ProcessRecording, readCommits, readRecordings } from "./recording.ts";
import { sequence } from "./sequence.ts";
import { readTasks } from "./table.ts";
import { historyOf } from "./task-history.ts";
import { World, type WorldOptions } from "./world.ts";

export interface TortureOptions extends Omit<WorldOptions, "repos"> {
  readonly seconds: number;
  readonly seed: number;
  /** Maximum time until everything has settled; T7's bound if absent. */
  readonly settleSeconds?: number;
  /** Ends the torture early, without a comparison. */
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

export interface TortureResult {
  readonly kills: Kills;
  readonly killsPerSecond: number;
  /** The sum of all tasks' fences. */
  readonly runs: number;
  readonly tasks: number;
  /** Events in the journal. */
  readonly events: number;
  /** Events handed to activities, counting repetitions. */
  readonly handedOut: number;
  /** Runs that continued after another run took their lease, and whose commit was refused. */
  readonly lostLeases: number;
  /** Failed invocations, and messages that became dead letters. */
  readonly failures: number;
  /** Time from the end of faults until every task was at the head of its stream. */
  readonly settledAfterSeconds: number;
  readonly violations: readonly (Violation & { readonly history: readonly string[] })[];
  /** The folder of all recordings and logs; undefined if nothing was wrong and it was removed. */
  readonly folder: string | undefined;
}

/**
 * T7's bound: the maximum backoff (15 min), the grace (3 min), a lease (2 min) and a queue's wait, plus the same again
 * for process starts, which run in real time; at ten times the speed.
 */
const boundSeconds = 240;
const pollMs = 500;
const sayEveryMs = 30_000;

/** Runs the local runtime with kills, waits until everything has settled, and compares; undefined if stopped before. */
export async function runTorture(options: TortureOptions): Promise<TortureResult | undefined> {
  const { seconds, seed, signal, say } = options;
  const world = new World({ ...options, repos: steadyRepos });
  let keep = false;
  try {
    await world.start();
    await everyTaskStarted(world, signal);
    if (signal.aborted) return undefined;
    say(`up; kills for ${Math.round(seconds)} s, seed ${seed}; everything is in ${world.folder}`);
    const began = performance.now();
    const over = new AbortController();
    const end = () => over.abort();
    signal.addEventListener("abort", end, { once: true });
    const ending = setTimeout(end, seconds * 1000);
    const saying = setInterval(() => say(`${Math.round((performance.now() - began) / 1000)} s`), sayEveryMs);
    const [kills] = await Promise.all([
      killUntil(world, sequence(seed), over.signal, options.broken === "unguarded-commits" ? onlyFreezes : undefined),
      loadUntil(world, sequence(seed + 1), over.signal),
    ]).finally(() => {
      clearInterval(saying);
      clearTimeout(ending);
    });
    const lasted = (performance.now() - began) / 1000;
    await world.allUp();
    if (signal.aborted) return undefined;
    world.calm();
    say("faults have stopped; waiting until every task is at the head of its stream");
    const settling = performance.now();
    await commitToAll(world);
    await settled(world, options.settleSeconds ?? boundSeconds, signal);
    const settledAfterSeconds = (performance.now() - settling) / 1000;
    if (signal.aborted) return undefined;
    // The functions must not change the table during the comparison.
    await world.functionsStopped();
    const tasks = await readTasks(world.databaseUrl);
    await world.close();
    const result = evaluate(world, tasks);
    keep = result.violations.length > 0;
    const sum = Object.values(kills).reduce((a, b) => a + b, 0);
    return {
      ...{ kills, killsPerSecond: sum / lasted, settledAfterSeconds, ...result },
      failures: world.failures.length,
      folder: keep ? world.folder : undefined,
    };
  } catch (error) {
    keep = true;
    throw error;
  } finally {
    await world.close();
    if (!keep) world.remove();
  }
}

/** Waits until every task has started, since earlier kills would hit nothing. */
async function everyTaskStarted(world: World, signal: AbortSignal): Promise<void> {
  const { tasks } = readExpected(world.journal);
  const end = performance.now() + boundSeconds * 1000;
  while ((await readTasks(world.databaseUrl)).length < tasks.size) {
    if (performance.now() > end) throw new Error(`expected ${tasks.size} tasks to be started; see ${world.folder}`);
    if (signal.aborted) return;
    await sleep(pollMs);
  }
}

/** Resolves when all tasks are where they should be, or the time is over. */
async function settled(world: World, settleSeconds: number, signal: AbortSignal): Promise<void> {
  const expected = readExpected(world.journal);
  const end = performance.now() + settleSeconds * 1000;
  for (;;) {
    const byName = new Map((await readTasks(world.databaseUrl)).map((task) => [task.task, task]));
    const isDone = [...expected.tasks].every((task) => behind(expected, task, byName.get(task)) === undefined);
    if (isDone || performance.now() > end || signal.aborted) return;
    await sleep(pollMs);
  }
}

function evaluate(world: World, tasks: readonly FinalTask[]) {
  const expected = readExpected(world.journal);
  const recordings = readRecordings(world.recordings);
  const evidence = { expected, recordings, commits: readCommits(world.functionsLog), tasks };
  return {
    runs: tasks.reduce((sum, { fence }) => sum + fence, 0),
    tasks: tasks.length,
    events: [...expected.histories.values()].reduce((sum, ids) => sum + ids.length, 0),
    handedOut: count(recordings),
    lostLeases: countLostLeases(world.functionsLog),
    violations: compare(evidence).map((found) => ({ ...found, history: historyOf(evidence, found.task) })),
  };
}

function count(recordings: readonly ProcessRecording[]): number {
  return recordings.reduce(
    (sum, { lines }) => sum + lines.filter(({ type }) => type === "saw" || type === "apply").length,
    0,
  );
}
