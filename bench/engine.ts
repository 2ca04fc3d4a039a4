import { randomUUID } from "node:crypto";

import { defineProcessor } from "../functions/contract/activity.ts";
import { caughtUp } from "../functions/contract/outcome.ts";
import type { Recorded } from "../functions/contract/stream.ts";
import { lazy } from "../functions/engines/binding.ts";
import type { Ports } from "../functions/engines/ports.ts";
import { systemClock } from "../functions/foundation/clock.ts";
import { jsonLogger } from "../functions/foundation/logger.ts";
import { otelTracer } from "../functions/lambda/otel-tracer.ts";
import { wakeHandler } from "../functions/lambda/wake-event.ts";
import { type RepoEvent, repo } from "../functions/nog/index.ts";
import { startTask } from "../functions/run/start.ts";
import { MemoryTaskStore } from "../functions/tasks/memory.ts";
import type { TaskStore } from "../functions/tasks/store.ts";
import { memoryPorts } from "../functions/testing/memory-ports.ts";
import type { UpstreamConnection } from "../functions/upstream/connection.ts";
import { encodeBusEvent } from "../functions/wake/envelope.ts";
import { MemoryAlarms } from "../functions/wake/memory.ts";
import type { WakeMessage } from "../functions/wake/wake.ts";
import { repoId } from "./repo-id.ts";

/** How a level 1 activity receives its events. */
export type Reading = "events" | "batches";

export interface CountingOptions {
  /** In memory if absent. */
  readonly store?: TaskStore;
  /** The default of an app if absent. */
  readonly runsAtOnce?: number;
}

/** An app with one activity that counts events; everything around the engines is in memory. */
export class CountingApp {
  readonly alarms = new MemoryAlarms(systemClock);
  readonly ports: Ports;
  /** Number of log lines, which are formatted and dropped. */
  logged = 0;
  counted = 0;
  runs = 0;
  readonly #activity;

  constructor(connection: UpstreamConnection, reading: Reading, options: CountingOptions = {}) {
    const { store = new MemoryTaskStore(), runsAtOnce } = options;
    this.#activity = defineProcessor(repo, {
      name: "count-events",
      processEvents: async (run, stream) => {
        let events = 0;
        let last: Recorded<RepoEvent> | undefined;
        if (reading === "events") {
          for await (const recorded of stream) {
            events++;
            last = recorded;
          }
        } else {
          for await (const batch of stream.batches()) {
            events += batch.events.length;
            last = batch.events.at(-1) ?? last;
          }
        }
        this.runs++;
        this.counted += events;
        return caughtUp(last?.id ?? run.tail);
      },
    });
    this.ports = memoryPorts({
      activities: [lazy(this.#activity)],
      store,
      alarms: this.alarms,
      clock: systemClock,
      tracer: otelTracer,
      log: jsonLogger((line) => {
        this.logged += line.length;
      }),
      random: Math.random,
      newToken: () => randomUUID(),
      upstream: connection,
      limits: runsAtOnce === undefined ? {} : { runs: runsAtOnce, runsPerKind: runsAtOnce },
    });
  }

  async start(repoId: string): Promise<void> {
    await startTask(this.ports, this.#activity, { repoId });
  }

  /** One invocation of the lazy function, as from its queue. */
  async invoke(messages: readonly WakeMessage[]): Promise<void> {
    const Records = messages.map((message, i) => ({ messageId: `message-${i}`, body: encodeBusEvent(message) }));
    const context = { getRemainingTimeInMillis: () => 900_000, awsRequestId: "bench" };
    const answer = await wakeHandler(this.ports, { Records }, context);
    if (answer?.batchItemFailures.length !== 0) throw new Error("deliveries failed");
  }
}

/** One invocation with a run for each task, from epoch to the head of its stream. */
export async function countWithEngine(connection: UpstreamConnection, reading: Reading, tasks = 1): Promise<number> {
  const app = new CountingApp(connection, reading, { runsAtOnce: tasks });
  for (let i = 0; i < tasks; i++) await app.start(repoId(i));
  await app.invoke(app.alarms.take());
  if (app.runs !== tasks) throw new Error(`expected ${tasks} runs, saw ${app.runs}`);
  return app.counted;
}
