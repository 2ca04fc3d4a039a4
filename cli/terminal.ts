import { spawn } from "node:child_process";
import { createInterface } from "node:readline/promises";
import { Paper } from "./print/paper.ts";

/** Where a command is typed, and what it is printed on. A test has one of its own. */
export interface Terminal {
  /** The folder that the command was typed in. */
  readonly folder: string;
  /** Standard output. */
  readonly paper: Paper;
  /** Standard error: for what is no result. */
  readonly aside: Paper;
  /** Aborts at Ctrl-C. */
  readonly stopping: AbortSignal;
  /** Is somebody there who sees standard error? For what changes on the spot, as a progress bar. */
  readonly isWatched: boolean;
  /** Replaces the line of standard error that the last call has written; "" ends it. For our own words alone. */
  progress(text: string): void;
  /** A screen of its own, to be drawn again and again; afterwards the terminal is as it was. */
  openScreen(): Screen;
  /** Opens a page in the person's browser, if there is one. */
  openUrl(url: string): void;
  /** Asks; undefined if nobody is there to answer. */
  ask(question: string): Promise<string | undefined>;
}

export interface Screen {
  /** Replaces everything on it by what `draw` prints. */
  redraw(draw: () => void): void;
  close(): void;
}

const columnsIfUnknown = 100;

/** What opens a page: by platform. */
const opening: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** The terminal of this process. */
export function processTerminal(stopping: AbortSignal): Terminal {
  const { stdin, stdout, stderr, env } = process;
  // Who reads no further, as head, has seen what they wanted.
  stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const colour = !env.NO_COLOR && env.TERM !== "dumb";
  const paperOn = (stream: NodeJS.WriteStream) =>
    new Paper((text) => void stream.write(text), {
      columns: stream.columns ?? columnsIfUnknown,
      colour: colour && stream.isTTY === true,
    });
  return {
    folder: process.cwd(),
    paper: paperOn(stdout),
    aside: paperOn(stderr),
    stopping,
    isWatched: stderr.isTTY === true,
    progress: (text) => void stderr.write(text === "" ? "\n" : `\r\u001b[K${text}`),
    openScreen() {
      const own = (codes: string) => void (stdout.isTTY && stdout.write(codes));
      // The other screen, without a cursor.
      own("\u001b[?1049h\u001b[?25l");
      return {
        redraw(draw) {
          own("\u001b[H\u001b[2J");
          draw();
        },
        close: () => own("\u001b[?25h\u001b[?1049l"),
      };
    },
    openUrl(url) {
      const [program, ...args] = opening[process.platform] ?? ["xdg-open"];
      // Where there is none, the URL is printed anyway.
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
