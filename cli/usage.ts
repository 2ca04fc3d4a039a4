import { type Command, exitCodes, type Options } from "./command.ts";

/** Which deployment, and how it is printed: options of all commands about one. */
const placeOptions = {
  name: { value: "NAME", says: "the deployment: the setting `name`; or TAILWAKE_NAME" },
  local: { says: "what npm start runs in this folder" },
  app: { value: "FILE", says: "the module that exports app; or TAILWAKE_APP, src/handlers.ts if absent" },
  profile: { value: "NAME", says: "the AWS profile; AWS_PROFILE if absent" },
  region: { value: "NAME", says: "the AWS region; AWS_REGION, or the profile's, if absent" },
  json: { says: "JSON for programs, instead of tables" },
} as const satisfies Options;

const helpOption = { help: { says: "prints this" } } as const satisfies Options;

export const optionsOf = (command: Command): Options => ({
  ...command.options,
  ...(command.ofDeployment && placeOptions),
  ...helpOption,
});

/** What `tailwake help` prints. */
export function usageOfAll(commands: readonly Command[]): string {
  const rows = (some: readonly Command[]) => some.map((one) => row(synopsis(one), one.says)).join("");
  return [
    "Usage: tailwake <command> [options]\n\n",
    rows(commands.filter(({ ofDeployment }) => !ofDeployment)),
    "\nOf a deployment:\n\n",
    rows(commands.filter(({ ofDeployment }) => ofDeployment)),
    "\nWhich one, and how it is printed:\n\n",
    optionRows(placeOptions),
    "\nA TASK is named as it is printed, kind/activity@entity, or by the beginning of that or of its entity that no other\n",
    "task has. tailwake COMMAND --help has the options of a command.\n\n",
    `Exit codes: ${Object.entries(exitCodes)
      .map(([code, says]) => `${code} ${says}`)
      .join("; ")}.\n`,
  ].join("");
}

/** What `tailwake COMMAND --help` prints. */
export function usageOf(command: Command): string {
  return `Usage: tailwake ${synopsis(command)} [options]\n\n${command.says}\n\n${optionRows(optionsOf(command))}`;
}

const synopsis = ({ name, words }: Command): string => (words === "" ? name : `${name} ${words}`);

function optionRows(options: Options): string {
  return Object.entries(options)
    .map(([name, { value, says }]) => row(value === undefined ? `--${name}` : `--${name} ${value}`, says))
    .join("");
}

const row = (left: string, right: string): string =>
  left.length <= 24 ? `  ${left.padEnd(25)} ${right}\n` : `  ${left}\n  ${"".padEnd(25)} ${right}\n`;
