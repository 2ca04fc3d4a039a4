import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { inspect } from "node:util";
import { build } from "esbuild";
import { expect, onTestFinished, vi } from "vitest";
import { type Activity, defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import type { Address, Stream } from "../../functions/contract/stream.ts";
import { type EventId, epoch, type Tail } from "../../functions/contract/tail.ts";
import { eager, lazy } from "../../functions/engines/binding.ts";
import type { Invocation, Ports } from "../../functions/engines/ports.ts";
import { type Clock, systemClock } from "../../functions/foundation/clock.ts";
import type { LogLevel } from "../../functions/foundation/logger.ts";
import { type EagerReport, leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { repo, ulidText, uuidText } from "../../functions/nog/index.ts";
import { runBatch } from "../../functions/queue/batch.ts";
import { startTask } from "../../functions/run/start.ts";
import type { TaskKey, TaskRecord } from "../../functions/tasks/record.ts";
import type { BreakerState } from "../../functions/upstream/breaker.ts";
import { connectUpstream, type UpstreamConnection } from "../../functions/upstream/connection.ts";
import type { Upstream as Settings } from "../../functions/upstream/upstream.ts";
import type { MemoryAlarms } from "../../functions/wake/memory.ts";
import type { WakeMessage } from "../../functions/wake/wake.ts";
import { type Upstream as Nog, startUpstream, type UpstreamOptions } from "../../local/upstream/server.ts";
import { patienceMs } from "../support/patience.ts";
import { memoryPorts } from "../support/ports.ts";
import { TestClock } from "../support/test-clock.ts";
import { busEvent, type LogLine } from "../support/world.ts";
import { type Protocol, registry, repoId, seed } from "../upstream/harness.ts";
import { streamKinds } from "../upstream/stream-kinds.ts";
import { Gate } from "./raw-servers.ts";

/** What makes the usual 20 s and 40 s short. */
const shortTimes = { silenceMs: 300, pingIntervalMs: 200, pingTimeoutMs: 400 };

/** One pass of the counting activity over its stream. */
export interface Pass {
  readonly after: Tail;
  readonly ids: string[];
}

export interface FaultyWorldOptions {
  readonly protocol: Protocol;
  readonly baseUrl: string;
  /** A server in this process: a test ends with no open call there. */
  readonly nog?: Nog;
  readonly engine?: "lazy" | "eager";
  /** The repo of the fixture if absent. */
  readonly stream?: Stream;
  readonly address?: Address;
  readonly authorization?: NonNullable<Settings["authorization"]>;
  /** The system's if absent. */
  readonly clock?: TestClock;
  /** Speed-up of the system's clock: for backoffs of seconds with real socket events. */
  readonly hurry?: number;
  readonly times?: Partial<typeof shortTimes>;
}

function hurried(times: number): Clock {
  if (times === 1) return systemClock;
  const start = Date.now();
  const began = performance.now();
  return {
    now: () => Math.round(start + (performance.now() - began) * times),
    sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
  };
}

/** A task on a connection that can break, with a record of everything it did. */
export class FaultyWorld {
  readonly passes: Pass[] = [];
  readonly log: LogLine[] = [];
  /** Times at which streams were opened, in milliseconds since 1970. */
  readonly opens: number[] = [];
  /** Number of streams that a server has begun to answer. */
  answered = 0;
  readonly connection: UpstreamConnection;
  readonly ports: Ports & { readonly alarms: MemoryAlarms };
  readonly clock: Clock;
  /** A working server can be slow on a busy machine, so a test sets a longer time after repairing it. */
  silenceMs: number;
  /** Whether the activity reads its stream. If not, it returns caughtUp at its tail. */
  reads = true;
  /** The deadline of the invocation that is under way has come. */
  timeIsUp: () => void = () => {};
  /** Called after each event that the activity saw, with how many there were. */
  onEvent: (count: number) => unknown = () => {};
  /** Activities that continued although their stream should have ended (rule 20). */
  readonly #abandoned: string[] = [];
  readonly #hurry: number;
  readonly #activity: Activity;
  readonly #address: Address;
  #key: TaskKey | undefined;

  constructor(options: FaultyWorldOptions) {
    const { protocol, baseUrl, authorization, nog, hurry = 1 } = options;
    const { stream = repo, address = { repoId: uuidText(repoId, "id") }, clock = hurried(hurry) } = options;
    this.clock = clock;
    this.#hurry = hurry;
    this.#address = address;
    const times = { ...shortTimes, silenceMs: shortTimes.silenceMs * hurry, ...options.times };
    const connected = connectUpstream({ baseUrl, protocol, ...(authorization && { authorization }) }, times);
    const { transport } = connected;
    const world = this;
    this.silenceMs = times.silenceMs;
    this.connection = {
      ...connected,
      get silenceMs() {
        return world.silenceMs;
      },
      transport: {
        unary: (...call) => transport.unary(...call),
        stream: async (...call) => {
          this.opens.push(clock.now());
          const response = await transport.stream(...call);
          this.answered++;
          return response;
        },
      },
    };
    let count = 0;
    this.#activity = defineProcessor(stream, {
      name: "count",
      processEvents: async (run, events) => {
        const pass: Pass = { after: run.tail, ids: [] };
        this.passes.push(pass);
        if (!this.reads) return caughtUp(run.tail);
        for await (const { id } of events) {
          pass.ids.push(id);
          run.advance(id);
          this.onEvent(++count);
        }
        return caughtUp((pass.ids.at(-1) as Tail | undefined) ?? run.tail);
      },
    });
    const line =
      (level: LogLevel) =>
      (text: string, fields: LogLine["fields"] = {}) =>
        void this.log.push({ level, message: text, fields });
    this.ports = memoryPorts({
      activities: [(options.engine === "eager" ? eager : lazy)(this.#activity)],
      clock,
      log: { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") },
      upstream: this.connection,
    });
    onTestFinished(async () => {
      // After a run no call is open, though the connection remains.
      if (nog) await eventually(() => nog.openCalls === 0);
      this.connection.close();
      if (clock instanceof TestClock) expect(clock.sleeping).toBe(0);
      expect(this.#abandoned).toEqual([]);
    });
  }

  /** All events that the activity was handed, in order. */
  get seen(): string[] {
    return this.passes.flatMap(({ ids }) => ids);
  }

  get key(): TaskKey {
    if (!this.#key) throw new Error("the task was not started");
    return this.#key;
  }

  async record(): Promise<TaskRecord> {
    const record = await this.ports.store.get(this.key);
    if (!record) throw new Error("the task has no record");
    return record;
  }

  async breaker(): Promise<BreakerState | undefined> {
    return (await this.ports.control.read("upstream#nog"))?.value as BreakerState | undefined;
  }

  /** The lines at these levels, as "level message". */
  lines(...levels: LogLevel[]): string[] {
    return this.log.filter(({ level }) => levels.includes(level as LogLevel)).map((l) => `${l.level} ${l.message}`);
  }

  /** Everything written and logged, for a search. */
  async printed(): Promise<string> {
    return inspect([this.log, await this.record(), await this.breaker()], { depth: 20, showHidden: true });
  }

  /** Starts the task without running it. */
  async start(): Promise<void> {
    this.#key = (await startTask(this.ports, this.#activity, this.#address)).key;
  }

  /** Starts the task and runs it for the first time. */
  async first(): Promise<void> {
    await this.start();
    await this.deliver(this.ports.alarms.take());
  }

  /** Runs the task for an operator, whatever its backoff. */
  async again(): Promise<void> {
    await this.deliver([{ class: "operator", key: this.key }]);
  }

  /** Expects one more run to bring the task to the head of this history, after the fault was repaired (T1). */
  async expectRepaired(history: readonly string[]): Promise<void> {
    const errors = this.lines("warn", "error").length;
    this.silenceMs = patienceMs * this.#hurry;
    await this.again();
    await this.expectWhole(history);
    expect(this.lines("warn", "error")).toHaveLength(errors);
  }

  /** One invocation: it ends when its messages are handled, or when `timeIsUp` is called. */
  async deliver(messages: readonly WakeMessage[]): Promise<void> {
    const { invocation, end } = this.#invocation();
    this.timeIsUp = end;
    try {
      const deliveries = messages.map((one, i) => ({ id: `${i}`, body: busEvent(one) }));
      expect([...(await runBatch(this.ports, deliveries, invocation)).values()]).toEqual([]);
    } finally {
      end();
    }
  }

  /** Leads the shard of the eager tasks until `end` is called. */
  lead(): { end(): Promise<EagerReport> } {
    const { invocation, end } = this.#invocation();
    const report = leadEagerShard(this.ports, { shard: 0, shards: 1 }, invocation);
    onTestFinished(end);
    return {
      end: () => {
        end();
        return report;
      },
    };
  }

  #invocation(): { readonly invocation: Invocation; readonly end: () => void } {
    const controller = new AbortController();
    const deadline = this.clock.now() + patienceMs * this.#hurry;
    return {
      invocation: {
        signal: controller.signal,
        deadline,
        abandonAt: deadline + 5_000 * this.#hurry,
        hardEnd: deadline + 8_000 * this.#hurry,
        abandoned: (task) => this.#abandoned.push(task),
      },
      end: () => controller.abort(),
    };
  }

  /**
   * Expects a failed run: the task waits for its backoff at the tail that it had reached, with the error in both
   * places.
   */
  async expectFailed(error: RegExp, { attempts = 1, tail = this.#reached() } = {}): Promise<void> {
    const record = await this.record();
    expect(record).toMatchObject({ status: "retrying", tail, attempts, strikes: 0 });
    expect(record.error).toMatchObject({ message: expect.stringMatching(error), afterEvent: tail });
    expect(record.token).toBeUndefined();
    expect(record.notBefore).toBeGreaterThan(this.clock.now());
    expect(this.lines("warn", "error")).toEqual(Array(attempts).fill("error failed"));
    expect(this.log.findLast(({ level }) => level === "error")?.fields.err).toMatch(error);
  }

  /** Expects the task at the head of this history, with each event handed out once, in order (T1). */
  async expectWhole(history: readonly string[]): Promise<void> {
    expect(await this.record()).toMatchObject({ status: "sleeping", tail: history.at(-1) ?? epoch, attempts: 0 });
    this.expectInOrder(history);
  }

  /** Expects each pass to begin where the previous one ended, and all together to cover this history (T1). */
  expectInOrder(history: readonly string[]): void {
    let reached: Tail = epoch;
    for (const { after, ids } of this.passes) {
      expect(after).toBe(reached);
      reached = (ids.at(-1) as Tail | undefined) ?? reached;
    }
    // Compared as text, since the diff of two long arrays is unreadable.
    expect(this.seen.length).toBe(history.length);
    expect(this.seen.findIndex((id, i) => id !== history[i])).toBe(-1);
  }

  #reached(): Tail {
    return (this.seen.at(-1) as Tail | undefined) ?? epoch;
  }
}

/**
 * A task at the third of five events of its repo, behind a gate: the server behind the gate answers for the last two.
 */
export async function caughtUpBehindGate(protocol: Protocol) {
  const nog = await startNog(3);
  const gate = await Gate.open(urlOf(protocol, nog));
  // No ping times out before the silence limit, but a connection is checked before it is used again.
  const times = { silenceMs: 2_000, pingIntervalMs: 250, pingTimeoutMs: 600 };
  const world = new FaultyWorld({ protocol, baseUrl: gate.url, nog, hurry: 10, times });
  await world.first();
  await world.expectWhole(historyOf(nog));
  append(nog, 2);
  const history = historyOf(nog);
  const tail = history[2] as EventId;
  const expectRepaired = async () => {
    await gate.redirect(urlOf(protocol, nog));
    await world.expectRepaired(history);
  };
  return { nog, gate, world, history, tail, expectRepaired };
}

/** Waits until a condition holds. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(condition, { timeout: patienceMs, interval: 5 });
}

// ── servers ──────────────────────────────────────────────────────────────────────────────────────

/**
 * Starts a nog server in this process, on the system's clock, with a repo of `events` events; closed when the test
 * ends.
 */
export async function startNog(events: number, options: UpstreamOptions = {}): Promise<Nog> {
  const nog = await startUpstream(options);
  onTestFinished(() => nog.close());
  seed(nog);
  append(nog, events - historyOf(nog).length);
  return nog;
}

export function append(nog: Nog, count: number): void {
  if (count > 0) streamKinds[3]?.append(nog, count);
}

/** The ids of all events of the repo. */
export function historyOf({ journal }: Pick<Nog, "journal">, history = repoId): string[] {
  return journal.read(history).map(({ id }) => ulidText(id, "id"));
}

export const urlOf = (protocol: Protocol, { grpcUrl, webUrl }: Pick<Nog, "grpcUrl" | "webUrl">): string =>
  protocol === "grpc" ? grpcUrl : webUrl;

/** Creates a temporary directory; the caller removes it. */
export function directory(): string {
  return mkdtempSync(join(tmpdir(), "tailwake-faults-"));
}

let bundle: Promise<string> | undefined;

/** Bundles local/upstream/main.ts into one file for any version of Node. */
function bundled(): Promise<string> {
  bundle ??= build({
    entryPoints: [new URL("../../local/upstream/main.ts", import.meta.url).pathname],
    bundle: true,
    platform: "node",
    format: "esm",
    write: false,
    logLevel: "error",
  }).then(({ outputFiles }) => outputFiles[0]?.text ?? "");
  return bundle;
}

/** A nog server in its own process, which a test may kill or stop. */
export class NogProcess {
  readonly grpcUrl: string;
  readonly webUrl: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, { grpcUrl, webUrl }: { grpcUrl: string; webUrl: string }) {
    this.#child = child;
    this.grpcUrl = grpcUrl;
    this.webUrl = webUrl;
  }

  /** Starts it, on the ports of `before` if given. The caller must call `end` in any case. */
  static async start(dataDir: string, args: readonly string[] = [], before?: NogProcess): Promise<NogProcess> {
    const file = join(dataDir, "main.mjs");
    writeFileSync(file, await bundled());
    const port = (url: string) => new URL(url).port;
    const ports = before ? ["--port", port(before.grpcUrl), "--web-port", port(before.webUrl)] : [];
    const child = spawn(process.execPath, [file, "--data-dir", dataDir, "--registry", registry, ...ports, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    const words: unknown[] = [];
    child.stderr?.on("data", (data) => words.push(data));
    const ready = once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), "line");
    const [line] = await Promise.race([ready, once(child, "exit").then(() => [undefined])]);
    if (line === undefined) throw new Error(`the nog server did not start: ${words.join("")}`);
    return new NogProcess(child, JSON.parse(line));
  }

  /** Ends the process and waits for its end, even if it is frozen. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await exit;
  }

  /** Freezes the process: its connections stay open, but it does not answer. */
  stop(): void {
    this.#child.kill("SIGSTOP");
  }

  goOn(): void {
    this.#child.kill("SIGCONT");
  }
}

/** Creates a directory with the journal of a repo of `events` events with `bytes` each. */
export async function seededDirectory(events: number, bytes = 4): Promise<{ dataDir: string; history: string[] }> {
  const dataDir = directory();
  const nog = await startUpstream({ dataDir });
  try {
    seed(nog);
    const event = { event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET, fsoRepoErrorMessage: "x".repeat(bytes) };
    nog.seed.appendRepoEvents(repoId, Array(events - 1).fill(event));
    return { dataDir, history: historyOf(nog) };
  } finally {
    await nog.close();
  }
}

export const remove = (dataDir: string): void => rmSync(dataDir, { recursive: true });
