import { type Command, exitCodes, type Options } from "./command.ts";

/** Options of all commands that need a deployment. */
const deploymentOptions = {
  name: { value: "NAME", description: "name of the deployment (the setting `name`); default: TAILWAKE_NAME" },
  local: { description: "use the deployment that npm start runs in this folder" },
  app: { value: "FILE", description: "module that exports app; default: TAILWAKE_APP, then src/handlers.ts" },
  profile: { value: "NAME", description: "AWS profile; default: AWS_PROFILE" },
  region: { value: "NAME", description: "AWS region; default: AWS_REGION, then the profile's" },
  json: { description: "print JSON" },
} as const satisfies Options;

const helpOption = { help: { description: "print this help" } } as const satisfies Options;

export const optionsOf = (command: Command): Options => ({
  ...command.options,
  ...(command.needsDeployment && deploymentOptions),
  ...helpOption,
});

/** The output of `tailwake help`. */
export function usageOfAll(commands: readonly Command[]): string {
  const rows = (some: readonly Command[]) => some.map((one) => row(synopsis(one), one.description)).join("");
  return [
    "Usage: tailwake <command> [options]\n\n",
    rows(commands.filter(({ needsDeployment }) => !needsDeployment)),
    "\nCommands on a deployment:\n\n",
    rows(commands.filter(({ needsDeployment }) => needsDeployment)),
    "\nOptions of the commands on a deployment:\n\n",
    optionRows(deploymentOptions),
    "\nTASK is the name kind/activity@entity, or a unique prefix of that name or of its entity.\n",
    "tailwake COMMAND --help prints the options of a command.\n\n",
    `Exit codes: ${Object.entries(exitCodes)
      .map(([code, description]) => `${code} ${description}`)
      .join("; ")}.\n`,
  ].join("");
}

/** The output of `tailwake COMMAND --help`. */
export function usageOf(command: Command): string {
  return `Usage: tailwake ${synopsis(command)} [options]\n\n${command.description}\n\n${optionRows(optionsOf(command))}`;
}

const synopsis = ({ name, positionals }: Command): string => (positionals === "" ? name : `${name} ${positionals}`);

function optionRows(options: Options): string {
  return Object.entries(options)
    .map(([name, { value, description }]) => row(value === undefined ? `--${name}` : `--${name} ${value}`, description))
    .join("");
}

const row = (left: string, right: string): string =>
  left.length <= 24 ? `  ${left.padEnd(25)} ${right}\n` : `  ${left}\n  ${"".padEnd(25)} ${right}\n`;
