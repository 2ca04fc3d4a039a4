import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { ProcessExit } from "./exit-error.ts";
import { defaultMemoryMb, type FunctionSettings } from "./function-settings.ts";
import { lifelineFd } from "./lifeline.ts";

export interface FunctionProcessOptions {
  readonly settings: FunctionSettings;
  /** Bundled bootstrap program. */
  readonly bootstrapPath: string;
  /** Host and port of the environment's Runtime API. */
  readonly runtimeApi: string;
  readonly region: string;
  readonly onLine: (line: string) => void;
}

/** The child process of one environment; it leads its own process group. */
export class FunctionProcess {
  readonly exited: Promise<ProcessExit>;
  /** Resolves when all output of the process has been forwarded. */
  readonly drained: Promise<void>;
  readonly #child: ChildProcess;

  constructor({ settings, bootstrapPath, runtimeApi, region, onLine }: FunctionProcessOptions) {
    const memoryMb = settings.memoryMb ?? defaultMemoryMb;
    this.#child = spawn(process.execPath, [`--max-old-space-size=${memoryMb}`, bootstrapPath], {
      cwd: settings.taskRoot,
      // Signals from the terminal reach only the manager, which ends its functions itself.
      detached: true,
      // The last pipe is the lifeline, at lifelineFd.
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH,
        TZ: ":UTC",
        AWS_REGION: region,
        AWS_DEFAULT_REGION: region,
        AWS_LAMBDA_FUNCTION_NAME: settings.name,
        AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${settings.name}`,
        AWS_LAMBDA_LOG_STREAM_NAME: "local",
        AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
        ...settings.environment,
        AWS_LAMBDA_RUNTIME_API: runtimeApi,
        LAMBDA_TASK_ROOT: settings.taskRoot,
        _HANDLER: settings.handler,
      },
    });
    const lines = [this.#child.stdout, this.#child.stderr].map(async (stream) => {
      if (!stream) return;
      stream.on("error", () => {});
      for await (const line of createInterface({ input: stream })) onLine(line);
    });
    // A write error on the lifeline only means that the process has ended.
    this.#child.stdio[lifelineFd]?.on("error", () => {});
    this.exited = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        onLine(`The process could not be started: ${error.message}`);
        resolve({ code: 1, signal: null });
      });
      this.#child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    this.drained = Promise.all(lines).then(() => {});
  }

  /** Undefined when the process has ended. */
  get pid(): number | undefined {
    const { pid, exitCode, signalCode } = this.#child;
    return exitCode === null && signalCode === null ? pid : undefined;
  }

  /** Sends SIGKILL to the process and the other processes of its group, unless it has ended. */
  kill(): void {
    const { pid } = this;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      this.#child.kill("SIGKILL");
    }
  }

  /** Closes the pipes, even if another process still has their other ends open. */
  release(): void {
    for (const stream of this.#child.stdio) stream?.destroy();
  }
}
