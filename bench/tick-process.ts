import { createInterface } from "node:readline";
import { defineProcessor } from "../functions/contract/activity.ts";
import { caughtUp } from "../functions/contract/outcome.ts";
import { lazy } from "../functions/engines/binding.ts";
import { systemClock } from "../functions/foundation/clock.ts";
import { jsonLogger } from "../functions/foundation/logger.ts";
import { cronHandler } from "../functions/lambda/cron-event.ts";
import { repo } from "../functions/nog/index.ts";
import { MemoryTaskStore } from "../functions/tasks/memory.ts";
import { dueShard, dueShards, type TaskKey } from "../functions/tasks/record.ts";
import type { DueEntry } from "../functions/tasks/store.ts";
import { start } from "../functions/tasks/transitions.ts";
import type { Update } from "../functions/tasks/update.ts";
import { memoryPorts } from "../functions/testing/memory-ports.ts";
import { timed } from "./measure.ts";
import { repoId } from "./repo-id.ts";

const ticks = 50;
const budget = { checks: 2_000, concurrency: 20 };
const dayMs = 86_400_000;
const context = { getRemainingTimeInMillis: () => 60_000, awsRequestId: "bench" };

/**
 * A table in memory with a sorted due index per shard, like DynamoDB's: a query costs only the entries that it returns.
 * For tasks whose due times do not change.
 */
class SortedStore extends MemoryTaskStore {
  readonly #shards = Array.from({ length: dueShards }, (): DueEntry[] => []);
  queries = 0;

  /** Call it in the order of the due times. */
  async load(key: TaskKey, update: Update, due: number): Promise<void> {
    await this.update(key, update);
    this.#shards[dueShard(key)]?.push({ key, due });
  }

  override async due(shard: number, until: number, limit: number): Promise<readonly DueEntry[]> {
    this.queries++;
    const entries = this.#shards[shard] ?? [];
    let [low, high] = [0, entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((entries[middle]?.due ?? 0) <= until) low = middle + 1;
      else high = middle;
    }
    return entries.slice(0, Math.min(low, limit));
  }
}

/**
 * The role of a process with many sleeping tasks, none of which is due for hours. Prints how many it has stored; then,
 * for each line of input, the cost of a tick.
 */
export async function tickOften([tasks = "0"]: readonly string[]): Promise<void> {
  const store = new SortedStore();
  const activity = defineProcessor(repo, { name: "sleeps", processEvents: async ({ tail }) => caughtUp(tail) });
  const ports = memoryPorts({
    activities: [lazy(activity)],
    store,
    clock: systemClock,
    log: jsonLogger(() => {}),
    random: Math.random,
    upstream: () => {
      throw new Error("expected no task to be checked");
    },
  });
  const now = Date.now();
  for (let i = 0; i < Number(tasks); i++) {
    const address = { repoId: repoId(i) };
    const due = now + dayMs + i;
    const update = start(address, "lazy", now);
    const sleeping: Update = { ...update, changes: { ...update.changes, status: "sleeping", due } };
    await store.load({ entity: address.repoId, kind: "repo", activity: "sleeps" }, sleeping, due);
  }
  let stored = 0;
  for await (const { status } of store.list()) if (status === "sleeping") stored++;
  process.stdout.write(`${stored}\n`);
  for await (const _ of createInterface(process.stdin)) {
    store.queries = 0;
    const { cpuMicros } = await timed(ticks, async () => {
      for (let i = 0; i < ticks; i++) {
        const report = await cronHandler(ports, [], budget, {}, context);
        if (report.overdue !== 0 || report.cutShort) throw new Error(`expected nothing due: ${JSON.stringify(report)}`);
      }
    });
    process.stdout.write(`${JSON.stringify({ cpuMicros, queries: store.queries / ticks })}\n`);
  }
}
