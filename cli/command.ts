import type { Deployment } from "./deployment/connect.ts";
import type { Terminal } from "./terminal.ts";

/** The exit codes of a command; `help` prints them. */
export const exitCodes = {
  0: "success",
  1: "failed",
  2: "usage error",
  3: "status, why and doctor: something needs attention",
} as const;
export type ExitCode = keyof typeof exitCodes;

export interface Option {
  /** The placeholder of its value; a switch has none. */
  readonly value?: string;
  readonly description: string;
}
export type Options = Readonly<Record<string, Option>>;

/** The values of the options by name; an option that was not given is absent. */
export type ValuesOf<O extends Options> = { readonly [N in keyof O]?: O[N] extends { value: string } ? string : true };

interface Definition {
  readonly name: string;
  /** The positional arguments: `TASK`; one in brackets is optional, and one with `…` can be repeated. */
  readonly positionals: string;
  readonly description: string;
}

/** The parsed arguments. */
export interface Call<O extends Options> {
  readonly positionals: readonly string[];
  readonly values: ValuesOf<O>;
  readonly terminal: Terminal;
}

/** A call of a command on a deployment. */
export interface DeskCall<O extends Options> extends Call<O> {
  readonly deployment: Deployment;
  /** Print JSON, and nothing else, on standard output. */
  readonly json: boolean;
}

/** One row of the table of commands. */
export interface Command extends Definition {
  readonly options: Options;
  /** Whether it needs a deployment, and so also has the options that select one. */
  readonly needsDeployment: boolean;
  run(call: Call<Options>, deployment: Deployment | undefined): Promise<ExitCode>;
}

/** A command that needs no deployment. */
export function command<const O extends Options>(
  definition: Definition & { readonly options: O; run(call: Call<O>): Promise<ExitCode> },
): Command {
  return { ...definition, needsDeployment: false, run: (call) => definition.run(call as Call<O>) };
}

/** A command on a deployment; it receives the connected deployment. */
export function deskCommand<const O extends Options>(
  definition: Definition & { readonly options: O; run(call: DeskCall<O>): Promise<ExitCode> },
): Command {
  return {
    ...definition,
    needsDeployment: true,
    async run(call, deployment) {
      if (!deployment) throw new Error(`${definition.name}: expected a deployment, received none`);
      const { positionals, values, terminal } = call as Call<O>;
      return definition.run({
        positionals,
        values,
        terminal,
        deployment,
        json: (call.values as { json?: true }).json === true,
      });
    },
  };
}
