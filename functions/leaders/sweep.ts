import { describeError } from "../contract/error.ts";
import type { Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { hasNews } from "../run/probe.ts";
import { sendOrLeaveToScan } from "../run/start.ts";
import { dueShards, taskName } from "../tasks/record.ts";
import type { DueEntry } from "../tasks/store.ts";
import { Limiter } from "../upstream/limiter.ts";
import type { TaskWake } from "../wake/wake.ts";

/** Checks per second: 10,000 tasks take 100 s. */
const checksPerSecond = 100;
const checksAtOnce = 20;
const pageSize = 100;

export interface SweepReport {
  checked: number;
  news: number;
  /** False if the sweep was cut short. */
  complete: boolean;
}

/**
 * Probes every sleeping lazy task of the given upstreams, at an even rate, after signals may have been lost, and wakes
 * those that have news. It writes nothing, so two concurrent sweeps are harmless.
 */
export async function sweep(ports: Ports, upstreams: ReadonlySet<string>, signal: AbortSignal): Promise<SweepReport> {
  const { store, clock, log } = ports;
  const report: SweepReport = { checked: 0, news: 0, complete: false };
  const limiter = new Limiter(checksAtOnce);
  for (let shard = 0; shard < dueShards; shard++) {
    let after: DueEntry | undefined;
    do {
      const page = await store.due(shard, Number.MAX_SAFE_INTEGER, pageSize, after);
      const wakes: TaskWake[] = [];
      const began = clock.now();
      await Promise.all(
        page.map(({ key }) =>
          limiter.run(async () => {
            if (signal.aborted) return;
            try {
              if (await isToWake(ports, key, upstreams, signal, report)) wakes.push({ class: "probe", key });
            } catch (error) {
              log.warn("check failed", { task: taskName(key), err: describeError(error) });
            }
          }),
        ),
      );
      report.news += wakes.length;
      await sendOrLeaveToScan(ports, wakes);
      if (signal.aborted) return report;
      await clock.sleep(began + (page.length * 1000) / checksPerSecond - clock.now(), signal);
      after = page.length === pageSize ? page.at(-1) : undefined;
    } while (after);
  }
  report.complete = !signal.aborted;
  return report;
}

async function isToWake(
  ports: Ports,
  key: DueEntry["key"],
  upstreams: ReadonlySet<string>,
  signal: AbortSignal,
  report: SweepReport,
): Promise<boolean> {
  const binding = ports.bindings.find(key);
  const { upstream } = binding.stream;
  if (!upstreams.has(upstream) || rulesOf(binding.engine).onSignal !== "run") return false;
  const record = await ports.store.get(key);
  if (record?.status !== "sleeping" || record.paused || record.awaiting) return false;
  // While the upstream is out, nothing can be probed. Later ticks do it.
  if ((await ports.breakers.admit(upstream)).type !== "go") return false;
  report.checked++;
  return hasNews(ports, binding, record, signal);
}
