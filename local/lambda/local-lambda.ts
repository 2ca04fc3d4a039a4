import { type Clock, systemClock } from "../../functions/foundation/clock.ts";
import { FunctionPool } from "./function-pool.ts";
import { checkFunctionSettings, type FunctionSettings } from "./function-settings.ts";
import { type InvokeResult, maxPayloadBytes } from "./invocation.ts";

export type { FunctionSettings } from "./function-settings.ts";
export type { FunctionErrorPayload, InvokeFailure, InvokeResult, InvokeSuccess } from "./invocation.ts";

export interface LocalLambdaOptions {
  readonly functions: readonly FunctionSettings[];
  /** The bundled program of `bootstrap.ts`, an .mjs file. */
  readonly bootstrapPath: string;
  /** Function processes use real time, so this must be a clock of real time; the system clock when absent. */
  readonly clock?: Clock;
  /** us-east-1 when absent. */
  readonly region?: string;
  /** Twelve digits; 123456789012 when absent. */
  readonly account?: string;
  /** Maximum time until an environment is ready; 10,000 ms when absent, as in Lambda. */
  readonly initTimeoutMs?: number;
  /** Called with every line that a function's process prints. */
  readonly onLog?: (functionName: string, line: string) => void;
}

export interface LocalLambda {
  /**
   * Invokes a function and returns its result or function error. Waits when all environments are busy, where Lambda
   * would throttle. Throws only for an unknown function, an event that is too large, or after `close()`.
   */
  invoke(name: string, event: unknown): Promise<InvokeResult>;
  /**
   * Deploys other code. New invocations run in processes of the new task root; running ones finish with the code they
   * started with.
   */
  updateCode(name: string, taskRoot: string): void;
  /**
   * Ends the function's processes with SIGKILL and waits until they have ended; the next invocation is a cold start.
   */
  kill(name: string): Promise<void>;
  /** Process ids of the function's running environments. */
  pids(name: string): readonly number[];
  /** Ends all processes and waits until they have ended. */
  close(): Promise<void>;
}

/** Runs functions in child processes, as Lambda runs them. */
export function createLocalLambda(options: LocalLambdaOptions): LocalLambda {
  const { clock = systemClock, region = "us-east-1", account = "123456789012" } = options;
  const pools = new Map<string, FunctionPool>();
  let isClosed = false;
  for (const settings of options.functions) {
    checkFunctionSettings(settings);
    const { name } = settings;
    if (pools.has(name)) throw new Error(`The function ${name} is defined twice.`);
    const pool = new FunctionPool({
      settings,
      bootstrapPath: options.bootstrapPath,
      region,
      functionArn: `arn:aws:lambda:${region}:${account}:function:${name}`,
      initTimeoutMs: options.initTimeoutMs ?? 10_000,
      clock,
      onLine: (line) => options.onLog?.(name, line),
    });
    pools.set(name, pool);
  }
  const poolOf = (name: string): FunctionPool => {
    const pool = pools.get(name);
    if (pool) return pool;
    throw new Error(`There is no function ${name}; known: ${[...pools.keys()].join(", ")}.`);
  };
  return {
    async invoke(name, event) {
      if (isClosed) throw new Error(`The function ${name} cannot be invoked: the local Lambda is closed.`);
      const text = JSON.stringify(event) ?? "null";
      if (Buffer.byteLength(text) > maxPayloadBytes) {
        throw new Error(`The event for ${name} has ${Buffer.byteLength(text)} bytes, more than ${maxPayloadBytes}.`);
      }
      return poolOf(name).invoke(text);
    },
    updateCode: (name, taskRoot) => poolOf(name).updateCode(taskRoot),
    kill: async (name) => poolOf(name).kill(),
    pids: (name) => poolOf(name).pids,
    async close() {
      isClosed = true;
      await Promise.all([...pools.values()].map((pool) => pool.close()));
    },
  };
}
