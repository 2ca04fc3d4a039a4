import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { project } from "./regions.ts";

const pages = [
  ...readdirSync(project).filter((name) => name.endsWith(".md")),
  ...["bench/README.md", "examples/orders/README.md", "test/upgrade/README.md"],
  ...readdirSync(join(project, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
];

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");

const textOf = (page: string): string => readFileSync(join(project, page), "utf8").replaceAll(/^```.*?^```$/gms, "");

const anchorsOf = (page: string): string[] =>
  [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));

describe("the links of the documentation", () => {
  it.each(pages)("of %s lead to pages and headings that are there", (page) => {
    const broken: string[] = [];
    for (const [, target = ""] of textOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^\w+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      if (!existsSync(join(project, file))) broken.push(target);
      else if (anchor !== undefined && !anchorsOf(file).includes(anchor)) broken.push(target);
    }
    expect(broken).toEqual([]);
  });

  it.each(pages)("and the names of files in %s are those of files that are there", (page) => {
    const folders = "functions|test|infra|docs|proof|cli|console|local|bench|scripts|examples";
    const named = [...textOf(page).matchAll(new RegExp(`\`((?:${folders})/[^\`\\s]*)\``, "g"))];
    // The guide names a file of the project that it begins with.
    const isThere = (path: string) =>
      ["", "examples/orders"].some((root) =>
        ["", ".ts", ".test.ts", ".suite.ts"].some((ending) => existsSync(join(project, root, path + ending))),
      );
    // A recipe names the files that its reader makes: NAME stands for the kind's.
    const isMade = (path: string) => path.includes("NAME");
    expect(named.map(([, path = ""]) => path).filter((path) => !isMade(path) && !isThere(path))).toEqual([]);
  });

  it("are there at all", () => {
    expect(pages.length).toBeGreaterThan(6);
    expect(pages.flatMap((page) => [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)]).length).toBeGreaterThan(20);
  });
});
