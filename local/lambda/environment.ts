import { randomBytes } from "node:crypto";
import type { Clock } from "../../functions/foundation/clock.ts";
import { exitError, timeoutError } from "./exit-error.ts";
import { FunctionProcess } from "./function-process.ts";
import type { FunctionSettings } from "./function-settings.ts";
import type { FunctionErrorPayload, Outcome } from "./invocation.ts";
import { RuntimeApi } from "./runtime-api.ts";

export interface EnvironmentOptions {
  readonly settings: FunctionSettings;
  readonly bootstrapPath: string;
  readonly region: string;
  readonly functionArn: string;
  readonly initTimeoutMs: number;
  readonly clock: Clock;
  readonly onLine: (line: string) => void;
}

/** How long to wait for output after the process has ended, in milliseconds. */
const drainMs = 250;

/** One execution environment: a process and its Runtime API, for one invocation at a time. */
export class Environment {
  readonly #options: EnvironmentOptions;
  readonly #api: RuntimeApi;
  readonly #process: FunctionProcess;
  readonly #initErrors: FunctionErrorPayload[];
  readonly #nextSignal: NextSignal;
  /** Resolves when the process has ended and all its output has been forwarded. */
  readonly ended: Promise<void>;

  private constructor(
    options: EnvironmentOptions,
    api: RuntimeApi,
    initErrors: FunctionErrorPayload[],
    nextSignal: NextSignal,
  ) {
    this.#options = options;
    this.#api = api;
    this.#initErrors = initErrors;
    this.#nextSignal = nextSignal;
    this.#process = new FunctionProcess({ ...options, runtimeApi: api.address });
    this.ended = this.#end();
  }

  /** Starts the process; `ready` resolves when it accepts events. */
  static async start(options: EnvironmentOptions): Promise<Environment> {
    const initErrors: FunctionErrorPayload[] = [];
    const nextSignal = new NextSignal();
    const api = await RuntimeApi.start({
      onNext: () => nextSignal.raise(),
      onInitError: (error) => initErrors.push(error),
    });
    return new Environment(options, api, initErrors, nextSignal);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether the process can receive an event; also false when it has ended unnoticed. */
  get isIdle(): boolean {
    return this.#api.isWaiting;
  }

  /**
   * Waits for the end of the init phase. If it failed, the environment has ended, and the returned function makes the
   * error for the invocation that caused the start.
   */
  async ready(): Promise<((requestId: string) => FunctionErrorPayload) | undefined> {
    const { initTimeoutMs } = this.#options;
    const first = await this.#withinTime(initTimeoutMs, this.#nextSignal.raised);
    if (first === "done") return undefined;
    this.kill();
    const exit = await this.#process.exited;
    if (first === "timeout") return (requestId) => timeoutError(requestId, initTimeoutMs);
    return (requestId) => this.#initErrors[0] ?? exitError(requestId, exit);
  }

  /**
   * Sends an event to the process. `outcome` is the function's result. `idle` is true when the process is ready for
   * another event, and false when it has ended because it exited or timed out.
   */
  invoke(requestId: string, event: string): { readonly outcome: Promise<Outcome>; readonly idle: Promise<boolean> } {
    const { settings, functionArn, clock } = this.#options;
    this.#nextSignal.reset();
    const answered = this.#api.invoke({
      requestId,
      event,
      deadlineMs: Math.floor(clock.now() + settings.timeoutMs),
      functionArn,
      traceId: newTraceId(),
    });
    const finished = this.#withinTime(settings.timeoutMs, this.#nextSignal.raised);
    const idle = finished.then(async (end) => {
      if (end === "done") return true;
      this.kill();
      await this.#process.exited;
      return false;
    });
    const unanswered = finished.then(async (end): Promise<Outcome> => {
      if (end === "done") return answered;
      this.kill();
      const exit = await this.#process.exited;
      const payload = end === "timeout" ? timeoutError(requestId, settings.timeoutMs) : exitError(requestId, exit);
      return { ok: false, payload };
    });
    return { outcome: Promise.race([answered, unanswered]), idle };
  }

  /** Ends the process with SIGKILL. */
  kill(): void {
    this.#process.kill();
  }

  async #withinTime(ms: number, done: Promise<void>): Promise<"done" | "exited" | "timeout"> {
    const stop = new AbortController();
    const end = await Promise.race([
      done.then(() => "done" as const),
      this.#process.exited.then(() => "exited" as const),
      this.#options.clock.sleep(ms, stop.signal).then(() => "timeout" as const),
    ]);
    stop.abort();
    return end;
  }

  async #end(): Promise<void> {
    await this.#process.exited;
    const stop = new AbortController();
    await Promise.race([this.#process.drained, this.#options.clock.sleep(drainMs, stop.signal)]);
    stop.abort();
    this.#process.release();
    await this.#api.close();
  }
}

/** A signal that can be awaited again after a reset. */
class NextSignal {
  raised: Promise<void>;
  raise: () => void = () => {};

  constructor() {
    this.raised = this.#fresh();
  }

  reset(): void {
    this.raised = this.#fresh();
  }

  #fresh(): Promise<void> {
    return new Promise((resolve) => {
      this.raise = resolve;
    });
  }
}

/** An X-Ray trace header that is not sampled. */
function newTraceId(): string {
  const seconds = Math.floor(Date.now() / 1000).toString(16);
  return `Root=1-${seconds}-${randomBytes(12).toString("hex")};Parent=${randomBytes(8).toString("hex")};Sampled=0`;
}
