import { setTimeout as sleep } from "node:timers/promises";
import { behind, compare, type FinalTask, type Violation } from "./comparison.ts";
import { readExpected } from "./histories.ts";
import { type Kills, killUntil, onlyFrost } from "./kills.ts";
import { commitToAll, loadUntil } from "./load.ts";
import { steadyRepos } from "./plan.ts";
import { countLostLeases, type ProcessRecording, readCommits, readRecordings } from "./recording.ts";
import { sequence } from "./sequence.ts";
import { storyOf } from "./story.ts";
import { readTasks } from "./table.ts";
import { World, type WorldOptions } from "./world.ts";

export interface TortureOptions extends Omit<WorldOptions, "repos"> {
  readonly seconds: number;
  readonly seed: number;
  /** How long everything may take to settle; T7's bound if absent. */
  readonly settleSeconds?: number;
  /** Ends it early: nothing is compared then. */
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

export interface TortureResult {
  readonly kills: Kills;
  readonly killsPerSecond: number;
  /** Of all tasks; each has a fence of its own. */
  readonly runs: number;
  readonly tasks: number;
  /** In the journal. */
  readonly events: number;
  /** To activities, one that came again counted again. */
  readonly handedOut: number;
  /** Runs that went on with a lease that another one had taken, and whose commit was refused. */
  readonly lostLeases: number;
  /** What did not end in order outside the table: invocations, and messages that became dead letters. */
  readonly failures: number;
  /** From the end of faults until every task was at the head of its stream. */
  readonly settledAfterSeconds: number;
  readonly violations: readonly (Violation & { readonly history: readonly string[] })[];
  /** Where everything is that was written down; undefined if nothing was wrong, and it was removed. */
  readonly folder: string | undefined;
}

/**
 * T7's bound: the longest backoff (15 min), the grace (3 min), a lease (2 min) and a queue's wait, and as much again for
 * the starts of processes, which are not faster than elsewhere; at ten times the speed.
 */
const boundSeconds = 240;
const readingMaxAgeMs = 500;
const sayEveryMs = 30_000;

/** Runs the local runtime with kills, lets everything settle, and compares; undefined if it was stopped before. */
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
      killUntil(world, sequence(seed), over.signal, options.broken === "unguarded-commits" ? onlyFrost : undefined),
      loadUntil(world, sequence(seed + 1), over.signal),
    ]).finally(() => {
      clearInterval(saying);
      clearTimeout(ending);
    });
    const lasted = (performance.now() - began) / 1000;
    await world.whole();
    if (signal.aborted) return undefined;
    world.calm();
    say("faults have stopped; waiting until every task is at the head of its stream");
    const settling = performance.now();
    await commitToAll(world);
    await settled(world, options.settleSeconds ?? boundSeconds, signal);
    const settledAfterSeconds = (performance.now() - settling) / 1000;
    if (signal.aborted) return undefined;
    // What is compared with the table must not go on.
    await world.functionsStopped();
    const tasks = await readTasks(world.databaseUrl);
    await world.close();
    const result = judge(world, tasks);
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

/** Kills before there is anything to kill would only be kills. */
async function everyTaskStarted(world: World, signal: AbortSignal): Promise<void> {
  const { tasks } = readExpected(world.journal);
  const end = performance.now() + boundSeconds * 1000;
  while ((await readTasks(world.databaseUrl)).length < tasks.size) {
    if (performance.now() > end) throw new Error(`expected ${tasks.size} tasks to be started; see ${world.folder}`);
    if (signal.aborted) return;
    await sleep(readingMaxAgeMs);
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
    await sleep(readingMaxAgeMs);
  }
}

function judge(world: World, tasks: readonly FinalTask[]) {
  const expected = readExpected(world.journal);
  const recordings = readRecordings(world.recordings);
  const evidence = { expected, recordings, commits: readCommits(world.functionsLog), tasks };
  return {
    runs: tasks.reduce((sum, { fence }) => sum + fence, 0),
    tasks: tasks.length,
    events: [...expected.histories.values()].reduce((sum, ids) => sum + ids.length, 0),
    handedOut: count(recordings),
    lostLeases: countLostLeases(world.functionsLog),
    violations: compare(evidence).map((found) => ({ ...found, history: storyOf(evidence, found.task) })),
  };
}

function count(recordings: readonly ProcessRecording[]): number {
  return recordings.reduce(
    (sum, { lines }) => sum + lines.filter(({ type }) => type === "saw" || type === "apply").length,
    0,
  );
}
