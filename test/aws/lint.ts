import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cfnLint } from "./tools.ts";

/** A finding of cfn-lint. */
export interface Finding {
  readonly template: string;
  readonly rule: string;
  readonly level: "Error" | "Warning";
  readonly message: string;
  /** The path in the template: "Resources/Bus/Properties". */
  readonly path: string;
}

/** Regions that cfn-lint distinguishes, one of them in another partition. */
const regions = ["us-east-1", "eu-central-1", "us-gov-west-1"];

/** The findings of cfn-lint for these templates. */
export async function lint(templates: Readonly<Record<string, object>>): Promise<readonly Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), "tailwake-lint-"));
  try {
    const names = new Map<string, string>();
    for (const [name, template] of Object.entries(templates)) {
      const file = join(folder, `${names.size}.json`);
      writeFileSync(file, JSON.stringify(template));
      names.set(file, name);
    }
    const args = ["--format", "json", ...regions.flatMap((region) => ["--regions", region]), "--", ...names.keys()];
    return (await run(args, folder)).map(({ Filename, Rule, Level, Message, Location }) => ({
      template: names.get(Filename) ?? Filename,
      rule: Rule.Id,
      level: Level,
      message: Message,
      path: Location.Path?.join("/") ?? "",
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Match {
  readonly Filename: string;
  readonly Rule: { readonly Id: string };
  readonly Level: "Error" | "Warning";
  readonly Message: string;
  readonly Location: { readonly Path?: readonly (string | number)[] | null };
}

/** The exit code has a bit for each level of findings; 1, and 32 or more, mean that cfn-lint failed. */
function run(args: readonly string[], cwd: string): Promise<readonly Match[]> {
  return new Promise((resolve, reject) => {
    execFile(cfnLint, args, { cwd, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === "number" && code !== 1 && code < 32) resolve(JSON.parse(stdout));
      else reject(new Error(`cfn-lint was expected to end with what it found, but ended with ${code}:\n${stderr}`));
    });
  });
}
