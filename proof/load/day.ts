import { resources } from "./memory.ts";
import { reader } from "./reader.ts";
import type { LoadReport } from "./report.ts";
import { type Counts, difference } from "./requests.ts";
import { Ticks } from "./ticks.ts";
import { World } from "./world.ts";

export interface DaySize {
  readonly tasks: number;
  readonly wakesPerSecond: number;
  /** For so long signals come; then a whole day goes by without. */
  readonly wakingSeconds: number;
  readonly concurrency: number;
  readonly probeMinutes: number;
}

/** What was counted of a world, to be multiplied. */
export interface DayCounts {
  /** While signals came, and until all of them were handled. */
  readonly waking: Counts & { readonly wakes: number; readonly batches: number; readonly sent: number };
  /** In a day in which nothing but the ticks goes on. */
  readonly idle: Counts & { readonly checks: number; readonly ticks: number; readonly sent: number };
  readonly behind: number;
  readonly drainSeconds: number;
}

const startsPerSecond = 1_000;
const checksPerTick = 10_000;
const dayMinutes = 24 * 60;
/** The grace of a start, and a tick more. */
const firstCheckMinutes = 5;

/** Tasks that have read their streams and had their first look are signaled for a while, then left alone for a day. */
export async function countDay(size: DaySize): Promise<DayCounts> {
  const { tasks, wakesPerSecond, wakingSeconds, concurrency, probeMinutes } = size;
  const world = new World({ aggregates: tasks, concurrency, checksPerTick, probeMinutes });
  const ticks = new Ticks();
  let tickCount = 0;
  world.tickEachMinute((tick, tookMs) => {
    ticks.add(tick, tookMs);
    tickCount++;
  });
  world.pace(tasks, startsPerSecond, (i) => {
    void world.tasks.start(reader, { id: `a${i}` });
  });
  await world.advance((tasks / startsPerSecond) * 1_000);
  await world.until(() => world.isDrained, 600);
  await world.advance((firstCheckMinutes + tasks / checksPerTick) * 60_000);

  const before = { requests: world.requests.counts, batches: world.batches, sent: world.sent };
  const wakes = wakesPerSecond * wakingSeconds;
  world.pace(wakes, wakesPerSecond, () => {
    const aggregate = world.random.pick(world.aggregates);
    world.append(aggregate);
    world.signal(aggregate);
  });
  await world.advance(wakingSeconds * 1_000);
  const drainSeconds = await world.until(() => world.isDrained, 3_600);
  const behind = await world.behind();
  const between = { requests: world.requests.counts, sent: world.sent, checks: ticks.checks, ticks: tickCount };
  const waking = {
    ...difference(between.requests, before.requests),
    wakes,
    batches: world.batches - before.batches,
    sent: world.sent - before.sent,
  };
  await world.advance(dayMinutes * 60_000);
  const idle = {
    ...difference(world.requests.counts, between.requests),
    checks: ticks.checks - between.checks,
    ticks: tickCount - between.ticks,
    sent: world.sent - between.sent,
  };
  return { waking, idle, behind, drainSeconds };
}

/** A day in two parts, which `docs/scale.md` multiplies: some minutes of signals, and a day of probes. */
export async function loadDay(size: DaySize): Promise<LoadReport> {
  const { tasks, wakesPerSecond, wakingSeconds, probeMinutes } = size;
  const { waking, idle, behind, drainSeconds } = await countDay(size);
  const counts = ({ reads, queries, writes, refusedWrites, dueQueries, documentReads, documentWrites }: Counts) =>
    Object.entries({ reads, queries, writes, refusedWrites, dueQueries, documentReads, documentWrites });
  return {
    scenario: "day",
    what:
      `${tasks.toLocaleString("en")} tasks, ${wakesPerSecond.toLocaleString("en")} signals a second for ${wakingSeconds} s; ` +
      `then a day in which nothing happens, with a probe each ${probeMinutes} minutes`,
    figures: [
      { what: "tasks not at the head of their stream", value: behind, most: 0 },
      { what: "seconds from the last signal until all were handled", value: drainSeconds, most: 60 },
      { what: "wakes", value: waking.wakes },
      { what: "batches", value: waking.batches },
      ...counts(waking).map(([what, value]) => ({ what: `${what}, while signals came`, value })),
      { what: "writes for a wake", value: (waking.writes + waking.refusedWrites) / waking.wakes, most: 2.2 },
      { what: "messages that we sent, while signals came", value: waking.sent, most: 0 },
      ...counts(idle).map(([what, value]) => ({ what: `${what}, in the idle day`, value })),
      { what: "checks in the idle day, a task", value: idle.checks / tasks, most: (24 * 60) / probeMinutes + 0.1 },
      { what: "ticks in the idle day", value: idle.ticks },
      { what: "messages in the idle day", value: idle.sent, most: 0 },
      ...resources(),
    ],
  };
}
