import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureInstalled, project } from "./install.mjs";

const usage = `Usage: npm run fuzz -- [options]

Gives bad input to every entry point: the properties of test/input, with more cases than npm test gives them. Files run
side by side. A case that fails is made small, and printed with the command line that replays it.

  --cases N     cases over all properties (default 100000)
  --seed S      the same cases again (default: another seed each time)
  --only NAME   one entry point, as queue-records, or one property, as queue-records/batch
  --path P      with --only and --seed: the one case that failed
  --help        prints this
`;

const { cases, seed, only, path } = readOptions();
ensureInstalled();
const folder = mkdtempSync(join(tmpdir(), "tailwake-fuzz-"));
const report = join(folder, "report");
writeFileSync(report, "");
try {
  process.exitCode = run();
} finally {
  rmSync(folder, { recursive: true });
}

function run() {
  const began = performance.now();
  process.stdout.write(`${cases} cases, seed ${seed}\n`);
  const files = only === undefined ? "test/input" : `test/input/${only.split("/")[0]}.test.ts`;
  const vitest = join(project, "node_modules/vitest/vitest.mjs");
  const { status } = spawnSync(
    process.execPath,
    [vitest, "run", files, "--testTimeout", "3600000", "--reporter", "dot"],
    {
      cwd: project,
      stdio: "inherit",
      env: {
        ...process.env,
        TAILWAKE_FUZZ_CASES: String(cases),
        TAILWAKE_FUZZ_SEED: String(seed),
        TAILWAKE_FUZZ_REPORT: report,
        ...(only !== undefined && { TAILWAKE_FUZZ_ONLY: only }),
        ...(path !== undefined && { TAILWAKE_FUZZ_PATH: path }),
      },
    },
  );
  const lines = readFileSync(report, "utf8")
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const row = (name, count, time, slowest) =>
    process.stdout.write(`${name.padEnd(30)}${count.padStart(8)}${time.padStart(12)}${slowest.padStart(14)}\n`);
  row("property", "cases", "time", "slowest case");
  for (const { name, cases: done, ms, slowestMs } of lines.sort((a, b) => a.name.localeCompare(b.name))) {
    row(name, String(done), `${(ms / 1000).toFixed(1)} s`, `${slowestMs} ms`);
  }
  const sum = lines.reduce((total, { cases: done }) => total + done, 0);
  row("all", String(sum), `${((performance.now() - began) / 1000).toFixed(1)} s`, "");
  return status ?? 1;
}

function readOptions() {
  try {
    const text = { type: "string" };
    const options = { cases: text, seed: text, only: text, path: text, help: { type: "boolean" } };
    const { values } = parseArgs({ options });
    if (values.help) {
      process.stdout.write(usage);
      process.exit(0);
    }
    return {
      cases: whole("cases", values.cases ?? "100000", 1),
      seed: whole("seed", values.seed ?? String((Math.random() * 2 ** 31) | 0), -(2 ** 31)),
      only: shaped("only", values.only, /^[a-z-]+(\/[a-z-]+)?$/, "the name of an entry point or a property"),
      path: shaped("path", values.path, /^\d+(:\d+)*$/, "numbers joined by colons"),
    };
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

function whole(name, text, min) {
  if (/^-?\d{1,10}$/.test(text) && Number(text) >= min) return Number(text);
  throw new Error(`--${name}: expected a whole number from ${min}, received ${JSON.stringify(text.slice(0, 50))}`);
}

function shaped(name, text, pattern, expected) {
  if (text === undefined || pattern.test(text)) return text;
  throw new Error(`--${name}: expected ${expected}, received ${JSON.stringify(text.slice(0, 50))}`);
}
