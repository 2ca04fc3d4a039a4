import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";

/** How long a program may take until it is ready, and to end in order. */
const patienceMs = 30_000;

interface Ready {
  readonly type: "ready";
}

/** A program of a torture in a process of its own, with a channel for orders and answers. */
export class Program<Order extends object> {
  readonly #child: ChildProcess;
  readonly exited: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.exited = once(child, "exit");
    // What is sent to a process that has just been killed is lost, which is the point.
    child.on("error", () => {});
  }

  /** Starts it and waits until it is ready. Its output goes to a file. */
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
      // The terminal's signals are for the parent, which ends it.
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
        late = setTimeout(() => fail(`was not within ${patienceMs / 1000} s`), patienceMs);
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

  /** Ends it with SIGKILL. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  /** Ends it in order: it sees that its parent has gone. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), patienceMs);
    await this.exited;
    clearTimeout(late);
  }
}
