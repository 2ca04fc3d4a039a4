import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { beyond, formatReport, inJson } from "./report.ts";
import { scenarios } from "./scenarios.ts";

const usage = `Usage: npm run load [-- NAME... --json]

Runs the engines and handlers in a simulated world under full load, and checks the cost against bounds.

  NAME      ${Object.keys(scenarios).join(", ")}; default: all
  --json    print one object per line on standard output
  --help    print this

Exit code 0: every bound holds. 1: one does not. 2: the command line is wrong.
`;

async function main(args: readonly string[]): Promise<number> {
  let named: string[];
  let json: boolean;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
    });
    if (values.help) {
      process.stdout.write(usage);
      return 0;
    }
    json = values.json;
    named = positionals.length > 0 ? positionals : Object.keys(scenarios);
    for (const name of named) if (!scenarios[name]) throw new Error(`unknown scenario ${JSON.stringify(name)}`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  const [only] = named;
  return named.length === 1 && only ? runOne(only, json) : runEach(named, json);
}

async function runOne(name: string, json: boolean): Promise<number> {
  const report = await scenarios[name]?.();
  if (!report) return 2;
  process.stdout.write(`${json ? inJson(report) : `${formatReport(report)}\n`}\n`);
  return beyond(report).length > 0 ? 1 : 0;
}

/** Runs each scenario in its own process, since peak memory is per process. */
function runEach(names: readonly string[], json: boolean): number {
  const [, program = ""] = process.argv;
  const codes = names.map((name) => {
    const args = [program, name, ...(json ? ["--json"] : [])];
    return spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1;
  });
  return Math.max(...codes);
}

process.exitCode = await main(process.argv.slice(2));
