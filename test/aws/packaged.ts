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

/** The zip of a function, built by `npm run package`, which `npm run test:aws` has run. */
export const zipOf = (name: FunctionName): string => join(built, "packages", `${name}.zip`);

/**
 * The templates that `osls deploy` sends: first a stack with only the bucket, then, after the upload of the code, the
 * whole stack.
 */
export interface Packaged {
  readonly bucketOnly: Template;
  readonly whole: Template;
}

/** The result of `npm run package` with serverless.yml unchanged. */
export const packagedAsItIs = (): Packaged => read(join(built, "deployment"));

/** A deployment that differs from serverless.yml. */
export interface Choice {
  readonly stage: string;
  readonly options: readonly ("signals" | "eager")[];
  /** Settings of the stages that replace the defaults of infra/settings.yml. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * The templates that osls makes of a copy of serverless.yml and its fragments with another choice, with the same zips.
 */
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
    // Ignore the region of the shell.
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

/** Enables these functions, each by its lines under `functions` and `resources`, and disables the others. */
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
