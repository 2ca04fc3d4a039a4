#!/usr/bin/env node
import { parseArgs } from "node:util";
import { init } from "./init.ts";
import { explainNoBundler } from "./no-bundler.ts";
import { UsageError } from "./usage-error.ts";

const usage = `Usage: tailwake <command>

  init NAME                 writes a project to begin with, in a new folder NAME
  package                   bundles each src/handlers/NAME.ts, which exports "handler", into
                            .build/packages/NAME.zip, with everything inside
    --from FOLDER           the handlers, src/handlers if absent
    --to FOLDER             the zips, .build/packages if absent
  help                      prints this

Exit codes: 0 done, 1 failed, 2 not understood.
`;

process.exitCode = await main(process.argv.slice(2));

async function main([command, ...args]: readonly string[]): Promise<number> {
  try {
    switch (command) {
      case "init":
        process.stdout.write(await init(process.cwd(), onlyName(args)));
        return 0;
      case "package": {
        const { packageFunctions } = await import("./package.ts").catch(explainNoBundler("package"));
        process.stdout.write(await packageFunctions(process.cwd(), packageOptions(args)));
        return 0;
      }
      case "help":
      case "--help":
      case "-h":
        process.stdout.write(usage);
        return 0;
    }
    throw new UsageError(command === undefined ? "a command is missing" : `there is no command ${command}`);
  } catch (error) {
    const message = shortened(error instanceof Error ? error.message : String(error));
    process.stderr.write(error instanceof UsageError ? `${message}\n\n${usage}` : `${message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** A word of the command line may be as long as the system allows. */
function shortened(text: string): string {
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}

function onlyName(args: readonly string[]): string {
  const { positionals } = parsed(() => parseArgs({ args: [...args], allowPositionals: true }));
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new UsageError("init: expected one name");
  return name;
}

function packageOptions(args: readonly string[]): { readonly from: string; readonly to: string } {
  const options = { from: { type: "string" }, to: { type: "string" } } as const;
  const { from = "src/handlers", to = ".build/packages" } = parsed(() =>
    parseArgs({ args: [...args], options }),
  ).values;
  return { from, to };
}

/** What Node says of words that it does not understand is for the person who typed them. */
function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
