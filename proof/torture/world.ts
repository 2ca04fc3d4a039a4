import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bundleTorture } from "./bundle.ts";
import type { Broken } from "./options.ts";
import { Program } from "./program.ts";
import type { RuntimeAnswer, RuntimeOrder } from "./runtime-program.ts";
import type { UpstreamAnswer, UpstreamOrder } from "./upstream-program.ts";

export interface WorldOptions {
  readonly project: string;
  /** A database instead of the embedded one; it is never killed. */
  readonly databaseUrl: string | undefined;
  /** Initial number of repos. */
  readonly repos: number;
  readonly broken?: Broken | undefined;
}

/** Speed-up of the processes' clock. */
const speed = 10;
const processesAtOnce = 12;
const maxStartAttempts = 5;
const pauseMs = 200;

/** The processes of a torture and their folder: kills them and starts them again. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "tailwake-torture-"));
  readonly #options: WorldOptions;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #starting = new Set<Promise<void>>();
  readonly #frozen = new Set<number>();
  readonly #recorded = new Map<string, number>();
  /** Undefined while it is dead or starting. */
  upstream: Program<UpstreamOrder> | undefined;
  runtime: Program<RuntimeOrder> | undefined;
  /** Number of repos requested so far. */
  repos: number;
  /** Dead letters and failed invocations, which the table must repair (T6). */
  readonly failures: string[] = [];
  databaseUrl = "";
  /** The error of a restart that failed too often. */
  failed: Error | undefined;
  #upstreamUrl = "";
  #upstreamPort = "0";
  #onSignaled: (pid: number | undefined) => void = () => {};
  #onSynced = () => {};
  #onStopped = () => {};

  constructor(options: WorldOptions) {
    this.#options = options;
    this.repos = options.repos;
    this.#environment = {
      TORTURE_TOKEN: randomBytes(24).toString("hex"),
      TORTURE_SPEED: String(speed),
      TORTURE_SINCE: String(Date.now()),
      TORTURE_BROKEN: options.broken ?? "",
    };
  }

  get recordings(): string {
    return join(this.folder, "recordings");
  }

  /** Bytes recorded by activities. Only the newest processes still write, and a few with leaders. */
  recordedBytes(): number {
    for (const name of readdirSync(this.recordings).sort().slice(-processesAtOnce)) {
      this.#recorded.set(name, statSync(join(this.recordings, name)).size);
    }
    return [...this.#recorded.values()].reduce((a, b) => a + b, 0);
  }

  get functionsLog(): string {
    return join(this.folder, "functions.log");
  }

  get journal(): string {
    return join(this.folder, "journal");
  }

  async start(): Promise<void> {
    mkdirSync(this.recordings);
    await bundleTorture(this.#options.project, this.folder, this.#options.broken);
    await this.#startUpstream();
    await this.#startRuntime();
  }

  /** Kills the upstream and restarts it from its journal. */
  killUpstream(): Promise<void> {
    const victim = this.upstream;
    this.upstream = undefined;
    return this.#again(victim, () => this.#startUpstream());
  }

  /** Kills the process manager, with its functions and the embedded database; restarts it on the same data. */
  killRuntime(): Promise<void> {
    const victim = this.runtime;
    this.runtime = undefined;
    this.#onSignaled(undefined);
    return this.#again(victim, () => this.#startRuntime());
  }

  /** Sends a signal to a process of a function. Undefined if there is none, or it is frozen already. */
  async signal(functionName: string, signal: "SIGKILL" | "SIGSTOP", choice: number): Promise<number | undefined> {
    const { runtime } = this;
    if (!runtime) return undefined;
    const signaled = new Promise<number | undefined>((resolve) => {
      this.#onSignaled = resolve;
    });
    runtime.order({ type: "signal", functionName, signal, choice });
    const pid = await Promise.race([signaled, sleep(10_000, undefined, { ref: false })]);
    if (pid === undefined || signal === "SIGKILL") return pid;
    if (this.#frozen.has(pid)) return undefined;
    this.#frozen.add(pid);
    return pid;
  }

  /** Thaws a process: a frozen one survives its manager, and then only this process knows of it. */
  thaw(pid: number): void {
    if (!this.#frozen.delete(pid)) return;
    try {
      process.kill(pid, "SIGCONT");
    } catch {
      // Its manager has killed it on its timeout.
    }
  }

  /** Resolves when no program is starting and all are up. */
  async allUp(): Promise<void> {
    while (this.#starting.size > 0) await Promise.all(this.#starting);
    if (this.failed) throw this.failed;
  }

  /** Stops the activities from throwing. */
  calm(): void {
    writeFileSync(join(this.folder, "calm"), "");
  }

  /** Resolves when the journal has the results of all orders to the upstream. */
  async synced(): Promise<void> {
    const synced = new Promise<void>((resolve) => {
      this.#onSynced = resolve;
    });
    this.upstream?.order({ type: "sync" });
    await synced;
  }

  /** Resolves when all functions have stopped. */
  async functionsStopped(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    this.runtime?.order({ type: "stopFunctions" });
    await stopped;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#starting);
    for (const pid of [...this.#frozen]) this.thaw(pid);
    const { runtime, upstream } = this;
    this.runtime = undefined;
    this.upstream = undefined;
    await runtime?.end();
    await upstream?.end();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  get #outputFile(): string {
    return join(this.folder, "output.log");
  }

  #again(victim: { kill(): Promise<void> } | undefined, start: () => Promise<void>) {
    const again = async () => {
      await victim?.kill();
      for (let attempt = 1; ; attempt++) {
        try {
          return await start();
        } catch (error) {
          // Another process may have the port for a moment.
          if (attempt === maxStartAttempts) throw error;
          await sleep(pauseMs);
        }
      }
    };
    const starting: Promise<void> = again()
      .catch((error: Error) => {
        this.failed = error;
      })
      .finally(() => this.#starting.delete(starting));
    this.#starting.add(starting);
    return starting;
  }

  async #startUpstream(): Promise<void> {
    const { program, ready } = await Program.start<UpstreamOrder, UpstreamAnswer>(
      join(this.folder, "upstream.mjs"),
      [this.journal, this.#upstreamPort, String(this.repos)],
      { environment: this.#environment, outputFile: this.#outputFile, onAnswer: () => this.#onSynced() },
    );
    if (ready.type === "ready") this.#upstreamUrl = ready.grpcUrl;
    this.#upstreamPort = new URL(this.#upstreamUrl).port;
    this.upstream = program;
    void program.exited.then(() => this.#recordEnd("upstream", program));
  }

  async #startRuntime(): Promise<void> {
    const { databaseUrl } = this.#options;
    const { program, ready } = await Program.start<RuntimeOrder, RuntimeAnswer>(
      join(this.folder, "runtime.mjs"),
      [this.folder, this.#upstreamUrl, ...(databaseUrl === undefined ? [] : [databaseUrl])],
      {
        environment: this.#environment,
        outputFile: this.#outputFile,
        onAnswer: (answer) => {
          if (answer.type === "signaled") this.#onSignaled(answer.pid);
          if (answer.type === "stopped") this.#onStopped();
          if (answer.type === "failed") this.failures.push(answer.what);
        },
      },
    );
    if (ready.type === "ready") this.databaseUrl = ready.databaseUrl;
    this.runtime = program;
    void program.exited.then(() => this.#recordEnd("runtime", program));
  }

  /** Forgets a program that was killed or ended in order; records one that ended by itself. */
  #recordEnd(name: "upstream" | "runtime", program: unknown): void {
    if (this[name] === program) this.failed = new Error(`the ${name} ended by itself; see ${this.#outputFile}`);
  }
}
