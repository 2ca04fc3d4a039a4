import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { project } from "./regions.ts";

const text = readFileSync(join(project, "ARCHITECTURE.md"), "utf8");

/** The paragraphs, list items and rows of tables, each as one line; blocks of code left out. */
const blocks = text
  .replaceAll(/^```.*?^```$/gms, "")
  .split(/\n\n+|\n(?=\||- |\d+\. |#)/)
  .map((block) => block.replaceAll(/\s+/g, " ").trim())
  .filter((block) => block !== "");

const codeIn = (block: string): string[] => [...block.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
const isPath = (code: string): boolean => /^[\w.-]+(\/[\w.-]+)+\/?$/.test(code) && !code.startsWith("tailwake/");
const functionIn = (code: string): string | undefined => /^#?(\w+)\(\)$/.exec(code)?.[1];

/** Does the file define a function, or a method, of this name? */
function defines(file: string, name: string): boolean {
  const path = join(project, file);
  if (!existsSync(path) || !statSync(path).isFile()) return false;
  const modifiers = "(?:(?:export|async|static|override|function\\*?|#|const) ?)*";
  // A call at the beginning of a line ends in a semicolon.
  const definition = new RegExp(`^ *${modifiers}${name}\\b *(?:<[^(]*>)?(?:= |\\([^;\\n]*$)`, "m");
  return definition.test(readFileSync(path, "utf8"));
}

const foldersIn = (folder: string): string[] =>
  readdirSync(join(project, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^(\.|node_modules$|dist$)/.test(entry.name))
    .map(({ name }) => name);

describe("the page of the architecture", () => {
  const paths = blocks.flatMap(codeIn).filter(isPath);

  it("names files and folders that are there", () => {
    expect(paths.length).toBeGreaterThan(100);
    expect(paths.filter((path) => !existsSync(join(project, path)))).toEqual([]);
  });

  it("names functions that one of the files beside them defines", () => {
    const named = blocks.flatMap((block) => {
      const files = codeIn(block).filter(isPath);
      return codeIn(block).flatMap((code) => {
        const name = functionIn(code);
        return name === undefined ? [] : [{ name, files }];
      });
    });
    expect(named.length).toBeGreaterThan(50);
    const missing = named.filter(({ name, files }) => !files.some((file) => defines(file, name)));
    expect(missing).toEqual([]);
  });

  it("has an entry for each room of functions/ and for each folder of the project", () => {
    const entries = [...text.matchAll(/^### `([^`]+)`$/gm)].map(([, entry]) => entry);
    const rooms = foldersIn("functions").map((room) => `functions/${room}`);
    const folders = foldersIn(".").filter((folder) => folder !== "functions");
    expect(entries.sort()).toEqual([...rooms, ...folders, ".ci"].sort());
    for (const folder of foldersIn("proof")) expect(paths).toContain(`proof/${folder}`);
  });

  it("says of each invariant which test holds it", () => {
    const invariants = blocks.filter((block) => block.startsWith("**Architecture invariant"));
    expect(invariants.length).toBeGreaterThan(40);
    for (const invariant of invariants) {
      expect(invariant).toMatch(
        /^\*\*Architecture invariant:\*\* .*, held by `test\/[^`]+`(,? (and )?`test\/[^`]+`)*\.$/,
      );
      const [, tests = ""] = invariant.split(", held by ");
      for (const test of codeIn(tests)) expect(existsSync(join(project, test)), test).toBe(true);
    }
  });
});

it("the page for contributors names files and folders that are there", () => {
  const page = readFileSync(join(project, "CONTRIBUTING.md"), "utf8").replaceAll(/^```.*?^```$/gms, "");
  // NAME stands for what a reader chooses.
  const paths = codeIn(page).filter((code) => isPath(code) && !code.includes("NAME"));
  expect(paths.length).toBeGreaterThan(40);
  expect(paths.filter((path) => !existsSync(join(project, path)))).toEqual([]);
});

describe("the README", () => {
  it("has each outcome of the error contract, in its order", () => {
    const rowsOf = (file: string) =>
      [...readFileSync(join(project, file), "utf8").matchAll(/^(?: \* )?\| `(\w+)(?:\([^`]*\))?`[^|]*\|/gm)].map(
        ([, name]) => name,
      );
    const outcomes = rowsOf("functions/contract/outcome.ts");
    expect(outcomes.length).toBeGreaterThanOrEqual(6);
    expect(rowsOf("README.md")).toEqual(outcomes);
  });
});
