import { spawn } from "node:child_process";
import { createInterface } from "node:readline/promises";
import { Output } from "./print/output.ts";

/** The terminal that a command runs in. Tests have their own. */
export interface Terminal {
  /** The current folder. */
  readonly folder: string;
  /** Standard output. */
  readonly stdout: Output;
  /** Standard error: for everything but the result. */
  readonly stderr: Output;
  /** Aborts at Ctrl-C. */
  readonly stopping: AbortSignal;
  /** Whether standard error is a terminal, so that a progress bar can be redrawn. */
  readonly isWatched: boolean;
  /** Replaces the last line written by this method on standard error; "" ends it. Only for text of this program. */
  progress(text: string): void;
  /** Switches to the alternate screen, to redraw it repeatedly; closing it restores the terminal. */
  openScreen(): Screen;
  /** Opens a page in the user's browser, if there is one. */
  openUrl(url: string): void;
  /** Asks the user; undefined if nobody can answer. */
  ask(question: string): Promise<string | undefined>;
}

export interface Screen {
  /** Replaces the content of the screen by the output of `draw`. */
  redraw(draw: () => void): void;
  close(): void;
}

const defaultColumns = 100;

/** The command that opens a URL, by platform. */
const openCommands: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** The terminal of this process. */
export function processTerminal(stopping: AbortSignal): Terminal {
  const { stdin, stdout, stderr, env } = process;
  // A reader such as head closes the pipe when it has enough.
  stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const colour = !env.NO_COLOR && env.TERM !== "dumb";
  const outputOn = (stream: NodeJS.WriteStream) =>
    new Output((text) => void stream.write(text), {
      columns: stream.columns ?? defaultColumns,
      colour: colour && stream.isTTY === true,
    });
  return {
    folder: process.cwd(),
    stdout: outputOn(stdout),
    stderr: outputOn(stderr),
    stopping,
    isWatched: stderr.isTTY === true,
    progress: (text) => void stderr.write(text === "" ? "\n" : `\r\u001b[K${text}`),
    openScreen() {
      const writeCodes = (codes: string) => void (stdout.isTTY && stdout.write(codes));
      // Alternate screen, cursor hidden.
      writeCodes("\u001b[?1049h\u001b[?25l");
      return {
        redraw(draw) {
          writeCodes("\u001b[H\u001b[2J");
          draw();
        },
        close: () => writeCodes("\u001b[?25h\u001b[?1049l"),
      };
    },
    openUrl(url) {
      const [program, ...args] = openCommands[process.platform] ?? ["xdg-open"];
      // Without a browser the printed URL is enough.
      spawn(program, [...args, url], { stdio: "ignore", detached: true })
        .on("error", () => {})
        .unref();
    },
    async ask(question) {
      if (!stdin.isTTY || !stderr.isTTY) return undefined;
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        return await lines.question(question, { signal: stopping });
      } finally {
        lines.close();
      }
    },
  };
}
