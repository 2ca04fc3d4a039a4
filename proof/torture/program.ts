import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";

/** Maximum time for a program to become ready, and to end in order. */
const timeoutMs = 30_000;

interface Ready {
  readonly type: "ready";
}

/** A program of a torture in its own process, with a channel for orders and answers. */
export class Program<Order extends object> {
  readonly #child: ChildProcess;
  readonly exited: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.exited = once(child, "exit");
    // Messages to a process that was just killed are lost, which is intended.
    child.on("error", () => {});
  }

  /** Starts the program and waits until it is ready. Its output goes to a file. */
  static async start<Order extends object, Answer extends { readonly type: string }>(
    file: string,
    args: readonly string[],
    options: {
      readonly environment: NodeJS.ProcessEnv;
      readonly outputFile: string;
      readonly onAnswer: (answer: Answer) => void;
    },
  ): Promise<{ readonly program: Program<Order>; readonly ready: Answer & Ready }> {
    const output = openSync(options.outputFile, "a");
    const child = spawn(process.execPath, [file, ...args], {
      // Signals of the terminal reach only the parent, which ends this process.
      detached: true,
      stdio: ["ignore", output, output, "ipc"],
      env: { ...process.env, ...options.environment },
    });
    closeSync(output);
    const program = new Program<Order>(child);
    let late: NodeJS.Timeout | undefined;
    try {
      const ready = await new Promise<Answer & Ready>((resolve, reject) => {
        const fail = (what: string) => reject(new Error(`${file}: expected to be ready, but ${what}`));
        late = setTimeout(() => fail(`was not within ${timeoutMs / 1000} s`), timeoutMs);
        child.once("exit", (code, signal) => fail(`ended with ${signal ?? code}; see ${options.outputFile}`));
        child.on("message", (answer: Answer) => {
          if (answer.type === "ready") resolve(answer as Answer & Ready);
          else options.onAnswer(answer);
        });
      });
      return { program, ready };
    } catch (error) {
      await program.kill();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  order(order: Order): void {
    if (this.#child.connected) this.#child.send(order, () => {});
  }

  /** Kills the program with SIGKILL. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  /** Ends the program in order, by closing its channel. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), timeoutMs);
    await this.exited;
    clearTimeout(late);
  }
}
