import { randomUUID } from "node:crypto";
import type { Clock } from "../../functions/foundation/clock.ts";
import { Environment, type EnvironmentOptions } from "./environment.ts";
import type { InvokeResult, Outcome } from "./invocation.ts";

interface Pending {
  readonly requestId: string;
  readonly event: string;
  readonly resolve: (result: InvokeResult) => void;
  readonly reject: (error: Error) => void;
}

/** The environments of one function: kept warm, started on demand, at most `concurrency` at a time. */
export class FunctionPool {
  #options: EnvironmentOptions;
  readonly #clock: Clock;
  readonly #pending: Pending[] = [];
  /** Each environment with the options it was started with. */
  readonly #environments = new Map<Environment, EnvironmentOptions>();
  readonly #idle: { readonly environment: Environment; used: boolean }[] = [];
  readonly #starts = new Set<Promise<void>>();
  /** Environments that are starting or running. */
  #alive = 0;
  #starting = 0;
  #closed = false;

  constructor(options: EnvironmentOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  /** Process ids of the running environments. */
  get pids(): readonly number[] {
    return [...this.#environments.keys()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** Invokes the function; waits for an environment when all are busy. */
  invoke(event: string): Promise<InvokeResult> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ requestId: randomUUID(), event, resolve, reject });
      this.#dispatch();
    });
  }

  /**
   * Uses another task root for new invocations. Environments with the old code finish their invocation and get no
   * other; idle ones end immediately.
   */
  updateCode(taskRoot: string): void {
    this.#options = { ...this.#options, settings: { ...this.#options.settings, taskRoot } };
    for (const { environment } of this.#idle.splice(0)) environment.kill();
  }

  /** Ends all environments with SIGKILL and waits until they have ended; later invocations start new ones. */
  async kill(): Promise<void> {
    this.#idle.length = 0;
    const environments = [...this.#environments.keys()];
    for (const environment of environments) environment.kill();
    await Promise.all(environments.map(({ ended }) => ended));
  }

  /** Ends all environments; refuses the invocations that still wait for one. */
  async close(): Promise<void> {
    this.#closed = true;
    const { name } = this.#options.settings;
    for (const pending of this.#pending.splice(0)) pending.reject(new Error(`The function ${name} is closed.`));
    while (this.#starts.size > 0 || this.#environments.size > 0) {
      await this.kill();
      await Promise.all(this.#starts);
    }
  }

  #dispatch(): void {
    while (this.#pending.length > 0) {
      const idle = this.#idle.pop();
      if (!idle) break;
      if (!idle.environment.isIdle) {
        idle.environment.kill();
        continue;
      }
      const pending = this.#pending.shift();
      if (pending) this.#run(idle.environment, pending, !idle.used);
    }
    const { concurrency } = this.#options.settings;
    while (this.#pending.length > this.#starting && this.#alive < concurrency) {
      this.#starting += 1;
      this.#alive += 1;
      const start = this.#start().finally(() => this.#starts.delete(start));
      this.#starts.add(start);
    }
  }

  /** Starts an environment for the oldest waiting invocation; a failed start is that invocation's result. */
  async #start(): Promise<void> {
    let environment: Environment;
    const options = this.#options;
    try {
      environment = await Environment.start(options);
    } catch (error) {
      this.#starting -= 1;
      this.#alive -= 1;
      this.#pending.shift()?.reject(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#environments.set(environment, options);
    const forgotten = environment.ended.then(() => this.#forget(environment));
    if (this.#closed) environment.kill();
    const error = await environment.ready();
    this.#starting -= 1;
    if (!error) return this.#release(environment, false);
    const pending = this.#pending.shift();
    pending?.resolve(resultOf({ ok: false, payload: error(pending.requestId) }, pending.requestId, true, 0));
    await forgotten;
  }

  #run(environment: Environment, { requestId, event, resolve, reject }: Pending, coldStart: boolean): void {
    const startedAt = this.#clock.now();
    const { outcome, idle } = environment.invoke(requestId, event);
    outcome.then((end) => resolve(resultOf(end, requestId, coldStart, this.#clock.now() - startedAt)), reject);
    void idle.then((isIdle) => isIdle && this.#release(environment, true));
  }

  #release(environment: Environment, used: boolean): void {
    const options = this.#environments.get(environment);
    if (!options) return;
    // An environment with replaced code gets no other invocation.
    if (options !== this.#options) environment.kill();
    else this.#idle.push({ environment, used });
    this.#dispatch();
  }

  #forget(environment: Environment): void {
    this.#environments.delete(environment);
    this.#alive -= 1;
    const index = this.#idle.findIndex((idle) => idle.environment === environment);
    if (index >= 0) this.#idle.splice(index, 1);
    if (!this.#closed) this.#dispatch();
  }
}

function resultOf(outcome: Outcome, requestId: string, coldStart: boolean, durationMs: number): InvokeResult {
  const facts = { requestId, coldStart, durationMs };
  return outcome.ok ? { ...outcome, ...facts } : { ...outcome, functionError: "Unhandled", ...facts };
}
