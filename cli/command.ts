import type { Deployment } from "./deployment/connect.ts";
import type { Terminal } from "./terminal.ts";

/** What a command ends with; `help` prints them. */
export const exitCodes = {
  0: "done, nothing is wrong",
  1: "failed",
  2: "not understood",
  3: "status, why and doctor: something is stuck or wrong",
} as const;
export type ExitCode = keyof typeof exitCodes;

export interface Option {
  /** The word for its value; a switch has none. */
  readonly value?: string;
  readonly says: string;
}
export type Options = Readonly<Record<string, Option>>;

/** Texts and switches by their names: absent if they were not typed. */
export type ValuesOf<O extends Options> = { readonly [N in keyof O]?: O[N] extends { value: string } ? string : true };

interface Described {
  readonly name: string;
  /** Words after the name: `TASK`; one in brackets may be missing, and of one with `…` there may be several. */
  readonly words: string;
  readonly says: string;
}

/** What was typed after the name. */
export interface Call<O extends Options> {
  readonly words: readonly string[];
  readonly values: ValuesOf<O>;
  readonly terminal: Terminal;
}

/** A call about a deployment. */
export interface DeskCall<O extends Options> extends Call<O> {
  readonly deployment: Deployment;
  /** One document instead of what people read, on standard output, and nothing else there. */
  readonly json: boolean;
}

/** One row of the table of commands. */
export interface Command extends Described {
  readonly options: Options;
  /** It is about a deployment, so that the options that say which are its own too. */
  readonly ofDeployment: boolean;
  run(call: Call<Options>, deployment: Deployment | undefined): Promise<ExitCode>;
}

/** A command that needs no deployment. */
export function command<const O extends Options>(
  definition: Described & { readonly options: O; run(call: Call<O>): Promise<ExitCode> },
): Command {
  return { ...definition, ofDeployment: false, run: (call) => definition.run(call as Call<O>) };
}

/** A command about a deployment, which it gets connected. */
export function deskCommand<const O extends Options>(
  definition: Described & { readonly options: O; run(call: DeskCall<O>): Promise<ExitCode> },
): Command {
  return {
    ...definition,
    ofDeployment: true,
    async run(call, deployment) {
      if (!deployment) throw new Error(`${definition.name}: expected a deployment, received none`);
      const { words, values, terminal } = call as Call<O>;
      return definition.run({
        words,
        values,
        terminal,
        deployment,
        json: (call.values as { json?: true }).json === true,
      });
    },
  };
}
