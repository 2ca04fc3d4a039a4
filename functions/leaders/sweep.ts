import { describeError } from "../contract/error.ts";
import type { Binding } from "../engines/binding.ts";
import type { Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { hasNews } from "../run/probe.ts";
import { sendOrLeaveToScan } from "../run/start.ts";
import { placeAfter, type RoundPlace, wholeRound } from "../tasks/due-round.ts";
import { taskName } from "../tasks/record.ts";
import type { DueEntry } from "../tasks/store.ts";
import { Limiter } from "../upstream/limiter.ts";
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
  /** Is given the place to go on at, undefined at the end. Returns where the sweep goes on. */
  moved(place: RoundPlace | undefined): RoundPlace | undefined;
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
  const limiter = new Limiter(checksAtOnce);
  let place: RoundPlace | undefined = from;
  while (place && !signal.aborted) {
    const page: readonly DueEntry[] = await store.due(place.shard, Number.MAX_SAFE_INTEGER, pageSize, place.after);
    const wakes: TaskWake[] = [];
    const began = clock.now();
    const swept = page.flatMap(({ key }) => {
      const binding = bindings.get(key);
      return binding && isSwept(binding, upstreams) ? { key, binding } : [];
    });
    await Promise.all(
      swept.map(({ key, binding }) =>
        limiter.run(async () => {
          if (signal.aborted) return;
          try {
            if (await isToWake(ports, key, binding, signal, report)) wakes.push({ class: "probe", key });
          } catch (error) {
            log.warn("check failed", { task: taskName(key), err: describeError(error) });
          }
        }),
      ),
    );
    report.news += wakes.length;
    await sendOrLeaveToScan(ports, wakes);
    // The page may not be finished: a successor begins with it.
    if (signal.aborted) break;
    await clock.sleep(began + (swept.length * 1000) / checksPerSecond - clock.now(), signal);
    place = moved(placeAfter(place, page, pageSize));
    report.shardsLeft = place?.left ?? 0;
  }
  report.complete = place === undefined;
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
