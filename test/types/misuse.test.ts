import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { misuses, prelude } from "./misuses.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const build = join(project, ".build");

interface Diagnostic {
  readonly line: number;
  /** With all that the compiler adds to it, in one line. */
  readonly message: string;
}

let folder: string;
let diagnostics: ReadonlyMap<string, readonly Diagnostic[]>;

/** All snippets, right and wrong, in one run of the compiler. */
beforeAll(() => {
  mkdirSync(build, { recursive: true });
  folder = mkdtempSync(join(build, "misuse-"));
  misuses.forEach(({ wrong, right }, i) => {
    writeFileSync(join(folder, `wrong-${i}.ts`), textOf(wrong));
    writeFileSync(join(folder, `right-${i}.ts`), textOf(right));
  });
  const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false };
  const config = { extends: "../../tsconfig.json", compilerOptions, include: ["*.ts"], exclude: [] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(project, "node_modules", ".bin", "tsc");
  const { stdout, stderr } = spawnSync(tsc, ["-p", folder, "--pretty", "false"], { cwd: folder, encoding: "utf8" });
  expect(stderr).toBe("");
  diagnostics = parse(stdout);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const textOf = (snippet: string) => `${prelude}\n${snippet.trim()}\n`;

function parse(output: string): ReadonlyMap<string, readonly Diagnostic[]> {
  const found = new Map<string, Diagnostic[]>();
  for (const [, file = "", line, message = ""] of output.matchAll(
    /^(\S+)\((\d+),\d+\): error TS\d+: (.*(?:\n\s+.*)*)/gm,
  )) {
    const of = found.get(file) ?? [];
    of.push({ line: Number(line), message: message.replaceAll(/\s+/g, " ") });
    found.set(file, of);
  }
  return found;
}

describe("the compiler", () => {
  it.each(misuses.map((misuse, i) => ({ ...misuse, i })))("refuses $what, and says why", ({ wrong, says, i }) => {
    const found = diagnostics.get(`wrong-${i}.ts`) ?? [];
    const marked =
      textOf(wrong)
        .split("\n")
        .findIndex((line) => line.endsWith("// ✗")) + 1;
    expect([...new Set(found.map(({ line }) => line))]).toEqual([marked]);
    const message = found.map((one) => one.message).join(" ");
    for (const words of says) expect(message).toContain(words);
  });

  it("takes each of them the right way", () => {
    const found = misuses.flatMap(({ what }, i) => (diagnostics.has(`right-${i}.ts`) ? [what] : []));
    expect(found).toEqual([]);
  });

  it("has nothing to say of other files", () => {
    expect([...diagnostics.keys()].filter((file) => !/^(right|wrong)-\d+\.ts$/.test(file))).toEqual([]);
  });
});
