import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const project = fileURLToPath(new URL("../..", import.meta.url));
const maxPageBytes = 60_000;

describe("the console's page, as it is built", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "tailwake-page-"));
    execFileSync(process.execPath, ["scripts/console-page.mjs", folder], { cwd: project });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (file: string) => readFileSync(join(folder, file), "utf8");

  it(`is of less than ${maxPageBytes} bytes, compressed`, () => {
    const bytes = ["page.js", "page.css"].reduce((sum, file) => sum + gzipSync(read(file)).length, 0);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(maxPageBytes);
  });

  it("names nothing elsewhere, and makes no markup of a text", () => {
    expect(read("page.css")).not.toMatch(/url\(|@import/);
    const links = [...read("page.js").matchAll(/https?:\/\/[^"'`\s]+/g)].map(([link]) => link);
    expect(new Set(links.map((link) => new URL(link).hostname))).toEqual(new Set(["www.w3.org"]));
  });

  it("comes with the licences of what is in it", () => {
    expect(read("licences.txt")).toMatch(/^preact \d[\s\S]*The MIT License[\s\S]*uplot \d[\s\S]*MIT/);
  });
});
