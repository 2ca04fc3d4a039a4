import { describeError } from "../contract/error.ts";
import type { Binding } from "../engines/binding.ts";
import type { Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { hasNews } from "../run/probe.ts";
import { sendOrLeaveToScan } from "../run/start.ts";
import { placeAfter, type RoundPlace, wholeRound } from "../tasks/due-round.ts";
import { taskName } from "../tasks/record.ts";
import type { DueEntry } from "../tasks/store.ts";
import type { TaskWake } from "../wake/wake.ts";

/** Checks per second: 10,000 tasks take 100 s. */
const checksPerSecond = 100;
const checksAtOnce = 20;
const pageSize = 100;

/** What one leader did of a sweep. */
export interface SweepReport {
  checked: number;
  news: number;
  /** False if the sweep was cut short: a successor goes on. */
  complete: boolean;
  /** How many of the shards of the due index are still to be read to their ends. */
  shardsLeft: number;
}

/** Where a sweep begins, and what is told of each place that it gets to. */
export interface SweepRound {
  readonly from: RoundPlace;
  /** Is given the place to go on at. Returns where the sweep goes on. */
  moved(place: RoundPlace): RoundPlace;
}

/**
 * Probes every sleeping lazy task of the given upstreams, at an even rate, after signals may have been lost, and wakes
 * those that have news. It writes nothing, so two concurrent sweeps are harmless.
 */
export async function sweep(
  ports: Ports,
  upstreams: ReadonlySet<string>,
  signal: AbortSignal,
  { from, moved }: SweepRound = { from: wholeRound(), moved: (place) => place },
): Promise<SweepReport> {
  const { store, clock, log, bindings } = ports;
  const report: SweepReport = { checked: 0, news: 0, complete: false, shardsLeft: from.left };
  let place: RoundPlace | undefined = from;
  while (place && !signal.aborted) {
    const page: readonly DueEntry[] = await store.due(place.shard, Number.MAX_SAFE_INTEGER, pageSize, place.after);
    const swept = page.flatMap((entry) => {
      const binding = bindings.get(entry.key);
      return binding && isSwept(binding, upstreams) ? { entry, binding } : [];
    });
    // Moves on after each few: a slow server may need longer for a page than a leader has, and each would begin with it.
    for (let first = 0; first < swept.length && !signal.aborted; first += checksAtOnce) {
      const some = swept.slice(first, first + checksAtOnce);
      const wakes: TaskWake[] = [];
      const began = clock.now();
      await Promise.all(
        some.map(async ({ entry: { key }, binding }) => {
          try {
            if (await isToWake(ports, key, binding, signal, report)) wakes.push({ class: "probe", key });
          } catch (error) {
            log.warn("check failed", { task: taskName(key), err: describeError(error) });
          }
        }),
      );
      report.news += wakes.length;
      await sendOrLeaveToScan(ports, wakes);
      // Some may not be checked: a successor begins with them.
      if (signal.aborted) break;
      await clock.sleep(began + (some.length * 1000) / checksPerSecond - clock.now(), signal);
      const after = some.at(-1)?.entry;
      if (after) place = moved({ ...place, after });
    }
    if (signal.aborted) break;
    const next = placeAfter(place, page, pageSize);
    place = next && moved(next);
  }
  report.complete = place === undefined;
  report.shardsLeft = place?.left ?? 0;
  return report;
}

const isSwept = ({ stream, engine }: Binding, upstreams: ReadonlySet<string>) =>
  upstreams.has(stream.upstream) && rulesOf(engine).onSignal === "run";

async function isToWake(
  ports: Ports,
  key: DueEntry["key"],
  binding: Binding,
  signal: AbortSignal,
  report: SweepReport,
): Promise<boolean> {
  const record = await ports.store.get(key);
  if (record?.status !== "sleeping" || record.paused || record.awaiting) return false;
  // While the upstream is out, nothing can be probed. Later ticks do it.
  if ((await ports.breakers.admit(binding.stream.upstream)).type !== "go") return false;
  report.checked++;
  return hasNews(ports, binding, record, signal);
}
