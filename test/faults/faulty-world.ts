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
import { type Clock, systemClock } from "../../functions/contract/clock.ts";
import type { LogLevel } from "../../functions/contract/logger.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import type { Address, Stream } from "../../functions/contract/stream.ts";
import { type EventId, epoch, type Tail } from "../../functions/contract/tail.ts";
import { runBatch } from "../../functions/engines/batch.ts";
import { eager, lazy } from "../../functions/engines/binding.ts";
import { type EagerReport, holdEagerShard } from "../../functions/engines/eager-holder.ts";
import type { Invocation, Machinery } from "../../functions/engines/engine.ts";
import { startTask } from "../../functions/engines/start.ts";
import { RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { repo, ulidText, uuidText } from "../../functions/nog/index.ts";
import type { TaskKey, TaskRecord } from "../../functions/tasks/record.ts";
import type { BreakerState } from "../../functions/upstream/breaker.ts";
import { connectUpstream, type UpstreamConnection } from "../../functions/upstream/connection.ts";
import type { Upstream as Settings } from "../../functions/upstream/upstream.ts";
import type { MemoryWakes } from "../../functions/wake/memory.ts";
import type { WakeMessage } from "../../functions/wake/wake.ts";
import { type Upstream as Nog, startUpstream, type UpstreamOptions } from "../../local/upstream/server.ts";
import { memoryMachinery } from "../support/machinery.ts";
import { patienceMs } from "../support/patience.ts";
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
  /** In this process: a test ends with no call open there. */
  readonly nog?: Nog;
  readonly engine?: "lazy" | "eager";
  /** Default: the repo of the fixture. */
  readonly stream?: Stream;
  readonly address?: Address;
  readonly authorization?: NonNullable<Settings["authorization"]>;
  /** Default: the system's. */
  readonly clock?: TestClock;
  /** So many times faster than the system's clock: for backoffs of seconds, with what really happens on the sockets. */
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

/** A task over a connection that may break, with all that it did. */
export class FaultyWorld {
  readonly passes: Pass[] = [];
  readonly log: LogLine[] = [];
  /** When each stream was asked for, in milliseconds since 1970. */
  readonly opens: number[] = [];
  /** How many of them a server has begun to answer. */
  answered = 0;
  readonly connection: UpstreamConnection;
  readonly machinery: Machinery & { readonly wakes: MemoryWakes };
  readonly clock: Clock;
  /** A server that works may take its time, on a busy machine: a test that has repaired it says so. */
  silenceMs: number;
  /** Does the activity look at its stream? If not, it says that it has caught up where it is. */
  reads = true;
  /** The deadline of the invocation that is under way has come. */
  timeIsUp: () => void = () => {};
  /** Called after each event that the activity saw, with how many there were. */
  onEvent: (count: number) => unknown = () => {};
  /** Activities that went on although their stream should have ended (rule 20). */
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
    this.machinery = memoryMachinery({
      activities: [(options.engine === "eager" ? eager : lazy)(this.#activity)],
      clock,
      log: { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") },
      upstream: this.connection,
    });
    onTestFinished(async () => {
      // A run that is over has no call open, though its connection stands.
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
    const record = await this.machinery.store.get(this.key);
    if (!record) throw new Error("the task has no record");
    return record;
  }

  async breaker(): Promise<BreakerState | undefined> {
    return (await this.machinery.control.read("upstream#nog"))?.value as BreakerState | undefined;
  }

  /** The lines at these levels, as "level message". */
  lines(...levels: LogLevel[]): string[] {
    return this.log.filter(({ level }) => levels.includes(level as LogLevel)).map((l) => `${l.level} ${l.message}`);
  }

  /** All that was written and logged, for a search. */
  async printed(): Promise<string> {
    return inspect([this.log, await this.record(), await this.breaker()], { depth: 20, showHidden: true });
  }

  /** Starts the task, and does not run it. */
  async start(): Promise<void> {
    this.#key = (await startTask(this.machinery, this.#activity, this.#address)).key;
  }

  /** Starts the task and runs it for the first time. */
  async first(): Promise<void> {
    await this.start();
    await this.deliver(this.machinery.wakes.take());
  }

  /** Runs the task for an operator, whatever its backoff. */
  async again(): Promise<void> {
    await this.deliver([{ class: "operator", key: this.key }]);
  }

  /** Whatever was broken works again: one more run, and the task has come to the head of this history (T1). */
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
      expect([...(await runBatch(this.machinery, deliveries, invocation)).values()]).toEqual([]);
    } finally {
      end();
    }
  }

  /** Holds the shard of the eager tasks until `end` is called. */
  hold(): { end(): Promise<EagerReport> } {
    const { invocation, end } = this.#invocation();
    const report = holdEagerShard(this.machinery, { shard: 0, shards: 1 }, invocation);
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

  /** The run failed: its task waits for its backoff at the tail that it had reached, with the error, in both places. */
  async expectFailed(error: RegExp, { attempts = 1, tail = this.#reached() } = {}): Promise<void> {
    const record = await this.record();
    expect(record).toMatchObject({ status: "retrying", tail, attempts, strikes: 0 });
    expect(record.error).toMatchObject({ message: expect.stringMatching(error), afterEvent: tail });
    expect(record.token).toBeUndefined();
    expect(record.notBefore).toBeGreaterThan(this.clock.now());
    expect(this.lines("warn", "error")).toEqual(Array(attempts).fill("error failed"));
    expect(this.log.findLast(({ level }) => level === "error")?.fields.err).toMatch(error);
  }

  /** The task has come to the head of this history, and was handed each of its events once, in order (T1). */
  async expectWhole(history: readonly string[]): Promise<void> {
    expect(await this.record()).toMatchObject({ status: "sleeping", tail: history.at(-1) ?? epoch, attempts: 0 });
    this.expectInOrder(history);
  }

  /** Each pass began where the one before had come to, and all of them together saw this history (T1). */
  expectInOrder(history: readonly string[]): void {
    let reached: Tail = epoch;
    for (const { after, ids } of this.passes) {
      expect(after).toBe(reached);
      reached = (ids.at(-1) as Tail | undefined) ?? reached;
    }
    // Not as arrays: of a long history that differs, nobody wants to see the difference.
    expect(this.seen.length).toBe(history.length);
    expect(this.seen.findIndex((id, i) => id !== history[i])).toBe(-1);
  }

  #reached(): Tail {
    return (this.seen.at(-1) as Tail | undefined) ?? epoch;
  }
}

/**
 * A task that has come to the third event of its repo, which has two more, behind a gate: whatever the gate leads to
 * from now on answers for the two.
 */
export async function caughtUpBehindGate(protocol: Protocol) {
  const nog = await startNog(3);
  const gate = await Gate.open(urlOf(protocol, nog));
  // No ping times out before the silence does, but a connection is asked whether it lives before it is used again.
  const times = { silenceMs: 2_000, pingIntervalMs: 250, pingTimeoutMs: 600 };
  const world = new FaultyWorld({ protocol, baseUrl: gate.url, nog, hurry: 10, times });
  await world.first();
  await world.expectWhole(historyOf(nog));
  append(nog, 2);
  const history = historyOf(nog);
  const tail = history[2] as EventId;
  const expectRepaired = async () => {
    await gate.lead(urlOf(protocol, nog));
    await world.expectRepaired(history);
  };
  return { nog, gate, world, history, tail, expectRepaired };
}

/** Waits until a condition holds. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(condition, { timeout: patienceMs, interval: 5 });
}

// ── servers ──────────────────────────────────────────────────────────────────────────────────────

/** A nog server in this process, on the system's clock, with a repo of `events` events; closed when the test ends. */
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

/** A directory of its own; its owner removes it. */
export function directory(): string {
  return mkdtempSync(join(tmpdir(), "tailwake-faults-"));
}

let bundle: Promise<string> | undefined;

/** The text of local/upstream/main.ts as one file that any Node runs. */
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

/** A nog server in a process of its own, which a test may kill or stop. */
export class NogProcess {
  readonly grpcUrl: string;
  readonly webUrl: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, { grpcUrl, webUrl }: { grpcUrl: string; webUrl: string }) {
    this.#child = child;
    this.grpcUrl = grpcUrl;
    this.webUrl = webUrl;
  }

  /** On the ports of `before`, if there was one. Whoever started it calls `end`, whatever became of it. */
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

  /** Ends it, and waits until it is gone; a frozen one too. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await exit;
  }

  /** Its connections stay, and nobody answers. */
  stop(): void {
    this.#child.kill("SIGSTOP");
  }

  goOn(): void {
    this.#child.kill("SIGCONT");
  }
}

/** A directory with the journal of a repo of `events` events, with `bytes` in each. */
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
