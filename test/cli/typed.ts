import { type App, createApp } from "tailwake";
import type { Desk } from "tailwake/operate";
import type { Command, ExitCode } from "../../cli/command.ts";
import { runCommandLine } from "../../cli/command-line.ts";
import { commands } from "../../cli/commands.ts";
import type { Deployment } from "../../cli/deployment/connect.ts";
import { Output } from "../../cli/print/output.ts";

export interface Typed {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

export interface OperatorPorts {
  /** What the command line connects to; if it is absent, connecting fails. */
  readonly desk?: Desk;
  /** Why there is no app. */
  readonly withoutApp?: string;
  readonly columns?: number;
  readonly colour?: boolean;
  readonly folder?: string;
  readonly stopping?: AbortSignal;
  /** Answers to what is asked; absent: nobody is there. */
  readonly answers?: string[];
  /** Somebody sees the progress. */
  readonly isWatched?: boolean;
  readonly commands?: readonly Command[];
  /** What the names of the functions begin with. */
  readonly functions?: string;
  readonly app?: App;
  onClose?(): void;
}

/** Runs a command line in this process, as `tailwake` does, and notes what it prints. */
export async function type(args: readonly string[], around: OperatorPorts = {}): Promise<Typed> {
  const said = { out: "", err: "" };
  const say = (name: keyof typeof said, text: string) => {
    said[name] += text;
  };
  const { columns = 100, colour = false, desk, withoutApp, answers } = around;
  const output = (name: "out" | "err") => new Output((text) => say(name, text), { columns, colour });
  const code = await runCommandLine(
    around.commands ?? commands,
    args,
    {
      folder: around.folder ?? "/nowhere",
      stdout: output("out"),
      stderr: output("err"),
      stopping: around.stopping ?? new AbortController().signal,
      isWatched: around.isWatched ?? false,
      progress: (text) => say("err", `\r${text}`),
      openScreen: () => ({
        redraw: (draw) => draw(),
        close: () => say("out", "closed"),
      }),
      openUrl: (url) => say("err", `opens ${url}\n`),
      ask: async (question) => {
        say("err", question);
        return answers?.shift();
      },
    },
    async (): Promise<Deployment> => {
      if (!desk) throw new Error("there is nothing to connect to");
      const app = withoutApp === undefined ? (around.app ?? createApp({ activities: [], upstreams: {} })) : undefined;
      return { title: "a test", functions: around.functions, desk, app, withoutApp, close: () => around.onClose?.() };
    },
  );
  return { code, ...said };
}
