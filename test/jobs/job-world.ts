import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import type { Activity } from "../../functions/contract/activity.ts";
import type { Bound } from "../../functions/engines/binding.ts";
import type { Invocation, Ports } from "../../functions/engines/ports.ts";
import type { LogFields } from "../../functions/foundation/logger.ts";
import { uuidText } from "../../functions/nog/index.ts";
import { runBatch } from "../../functions/queue/batch.ts";
import { startTask } from "../../functions/run/start.ts";
import type { TaskRecord } from "../../functions/tasks/record.ts";
import { tick } from "../../functions/tick/tick.ts";
import { connectUpstream, type UpstreamConnection } from "../../functions/upstream/connection.ts";
import { MemoryAlarms } from "../../functions/wake/memory.ts";
import { startUpstream, type Upstream } from "../../local/upstream/server.ts";
import { memoryPorts } from "../support/ports.ts";
import { TestClock } from "../support/test-clock.ts";
import { busEvent } from "../support/world.ts";

export const registry = "exreg";

const invocationMs = 120_000;
/** After so long a lease is over, and a task is due. */
const afterDeathMs = 200_000;

/** An app against a real server over gRPC; table, alarm clocks and time in memory. */
export class JobWorld {
  readonly upstream: Upstream;
  readonly nog: UpstreamConnection;
  readonly clock: TestClock;
  readonly alarms: MemoryAlarms;
  readonly ports: Ports;
  /** The host's directory of the root "/ex". */
  readonly folder: string;
  readonly log: { readonly level: string; readonly message: string; readonly fields: LogFields | undefined }[] = [];

  private constructor(app: readonly Bound[], clock: TestClock, upstream: Upstream, folder: string) {
    this.clock = clock;
    this.upstream = upstream;
    this.folder = folder;
    this.nog = connectUpstream({ baseUrl: upstream.grpcUrl, protocol: "grpc", authorization: async () => "secret" });
    this.alarms = new MemoryAlarms(clock);
    const line = (level: string) => (message: string, fields?: LogFields) =>
      void this.log.push({ level, message, fields });
    this.ports = memoryPorts({
      activities: app,
      alarms: this.alarms,
      clock,
      log: { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") },
      upstream: this.nog,
    });
  }

  /** With a registry, a root "/ex" and the given activities of the registry started; closed when the test ends. */
  static async start(app: readonly Bound[], roots: readonly Activity[]): Promise<JobWorld> {
    const folder = mkdtempSync(join(tmpdir(), "tailwake-jobs-"));
    const clock = new TestClock();
    const upstream = await startUpstream({ clock, token: "secret" });
    upstream.seed.initRegistry(registry);
    upstream.seed.initRoot(registry, { globalRoot: "/ex", host: "localhost", hostRoot: folder });
    const world = new JobWorld(app, clock, upstream, folder);
    const unsubscribe = (["registry", "repo", "ephemeral-workflow"] as const).map((type) =>
      upstream.journal.onTypeCommit(
        type,
        (history) => void world.alarms.send([{ class: "signal", entity: uuidText(history, "history") }]),
      ),
    );
    onTestFinished(async () => {
      for (const end of unsubscribe) end();
      world.nog.close();
      await upstream.close();
      rmSync(folder, { recursive: true });
    });
    for (const activity of roots) await startTask(world.ports, activity, { registry });
    return world;
  }

  /** Delivers what has arrived, and what comes of it now, until nothing more does. */
  async drain(): Promise<void> {
    for (let messages = this.alarms.take(); messages.length > 0; messages = this.alarms.take()) {
      const deliveries = messages.map((message, i) => ({ id: `m${i}`, body: busEvent(message) }));
      expect([...(await runBatch(this.ports, deliveries, this.#invocation())).values()]).toEqual([]);
    }
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.drain();
  }

  async tick(): Promise<void> {
    await tick(this.ports, [], { checks: 100, concurrency: 5 }, this.#invocation());
    await this.drain();
  }

  /**
   * As {@link drain}, but the process dies once its activities have made so many calls: the server has done what the last
   * one asked for, and nobody hears of it. Then time passes until its leases are over, and a tick finds its tasks.
   * Resolves to false if there were fewer calls.
   */
  async drainAndDie(killAt: number): Promise<boolean> {
    let calls = 0;
    const { transport } = this.nog;
    const never = new Promise<never>(() => {});
    const dying: UpstreamConnection = {
      ...this.nog,
      transport: {
        stream: transport.stream.bind(transport),
        async unary(...args) {
          if (calls >= killAt) return never;
          const answer = await transport.unary(...args);
          return ++calls >= killAt ? never : answer;
        },
      },
    };
    const killed = { ...this.ports, upstream: () => dying };
    for (let messages = this.alarms.take(); messages.length > 0; messages = this.alarms.take()) {
      const deliveries = messages.map((message, i) => ({ id: `m${i}`, body: busEvent(message) }));
      const batch = runBatch(killed, deliveries, { ...this.#invocation(), abandonAt: Number.MAX_SAFE_INTEGER });
      if (!(await Promise.race([batch.then(() => true), stuck(() => calls >= killAt)]))) break;
    }
    if (calls < killAt) return false;
    this.clock.jump(this.clock.now() + afterDeathMs);
    await this.tick();
    return true;
  }

  async recordOf(entity: string, activity?: string): Promise<TaskRecord | undefined> {
    const { tasks } = await this.ports.store.tasksOf(entity);
    return activity === undefined ? tasks[0] : tasks.find((task) => task.activity === activity);
  }

  get errors(): readonly string[] {
    return this.log.filter(({ level }) => level === "error").map(({ message }) => message);
  }

  #invocation(): Invocation {
    const hardEnd = this.clock.now() + invocationMs;
    const { signal } = new AbortController();
    return { signal, deadline: hardEnd - 8_000, abandonAt: hardEnd - 3_000, hardEnd, abandoned() {} };
  }
}

/** Resolves to false once `when` holds for a while and nothing else has happened. */
async function stuck(when: () => boolean): Promise<false> {
  while (!when()) await new Promise((resolve) => setImmediate(resolve));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  return false;
}
