import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parseDocument } from "yaml";
import type { FunctionName, Template } from "../../infra/index.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const built = join(project, ".build");

/** The zip of a function, as `npm run package` makes it; `npm run test:aws` has run it. */
export const zipOf = (name: FunctionName): string => join(built, "packages", `${name}.zip`);

/** What `osls deploy` sends: first a stack that is nothing but the bucket, then, once the code is in it, the whole. */
export interface Packaged {
  readonly bucketOnly: Template;
  readonly whole: Template;
}

/** What `npm run package` makes of serverless.yml as it is. */
export const packagedAsItIs = (): Packaged => read(join(built, "deployment"));

/** A deployment of another choice than serverless.yml makes. */
export interface Choice {
  readonly stage: string;
  readonly options: readonly ("signals" | "eager")[];
  /** What the stages' settings have instead of the defaults in infra/settings.yml. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, string>>;
}

/** What osls makes of a copy of serverless.yml and its fragments with another choice, around the same zips. */
export async function packagedWith({ stage, options, settings, params }: Choice): Promise<Packaged> {
  const folder = mkdtempSync(join(tmpdir(), "tailwake-packaged-"));
  try {
    writeFileSync(
      join(folder, "serverless.yml"),
      choose(readFileSync(join(project, "serverless.yml"), "utf8"), options),
    );
    cpSync(join(project, "infra"), join(folder, "infra"), { recursive: true });
    const settingsFile = join(folder, "infra", "settings.yml");
    const document = parseDocument(readFileSync(settingsFile, "utf8"), { merge: true });
    for (const [name, value] of Object.entries(settings)) {
      if (!document.hasIn(["default", name])) throw new Error(`infra/settings.yml: expected ${name}, found none`);
      document.setIn(["default", name], value);
    }
    writeFileSync(settingsFile, String(document));
    symlinkSync(built, join(folder, ".build"));
    const given = Object.entries(params).map(([name, value]) => `--param=${name}=${value}`);
    const args = ["package", "--stage", stage, "--package", "out", ...given];
    // The region of a shell is not that of the checks.
    const { AWS_REGION: _, ...env } = process.env;
    const osls = join(project, "node_modules", "osls", "bin", "serverless.js");
    await promisify(execFile)(process.execPath, [osls, ...args], { cwd: folder, env });
    return read(join(folder, "out"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function read(folder: string): Packaged {
  const template = (step: string) =>
    JSON.parse(readFileSync(join(folder, `cloudformation-template-${step}-stack.json`), "utf8"));
  return { bucketOnly: template("create"), whole: template("update") };
}

/** Opts into these functions, each by its line under `functions` and that under `resources`, and out of the other. */
function choose(serverless: string, options: Choice["options"]): string {
  let text = serverless;
  for (const name of ["signals", "eager"] as const) {
    for (const line of [`${name}: \${file(infra/functions.yml):${name}}`, `- \${file(infra/${name}.yml)}`]) {
      const [before = "", after, ...more] = text.split(line);
      if (after === undefined || more.length > 0) throw new Error(`serverless.yml: expected one line ${line}`);
      text = `${before.replace(/# $/, "")}${options.includes(name) ? "" : "# "}${line}${after}`;
    }
  }
  return text;
}
