import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readLocalFile, writeLocalFile } from "../../cli/deployment/local-file.ts";

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tailwake-local-"));
  file = join(folder, ".tailwake", "local.json");
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the file that npm start writes for --local", () => {
  it("is for its user alone, and goes with it", () => {
    expect(() => readLocalFile(folder)).toThrow("expected npm start to run in this folder");
    const word = writeLocalFile(folder, { TAILWAKE_TABLE: "t" });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readLocalFile(folder)).toEqual({ pid: process.pid, environment: { TAILWAKE_TABLE: "t" } });
    word.remove();
    expect(() => readLocalFile(folder)).toThrow("found no valid file");
  });

  it("is not that of a second start in the folder", () => {
    const word = writeLocalFile(folder, {});
    writeFileSync(file, JSON.stringify({ pid: process.ppid, environment: { A: "b" } }));
    word.remove();
    expect(JSON.parse(readFileSync(file, "utf8")).pid).toBe(process.ppid);
  });

  it("does not count when its process has ended, or when it cannot be read", () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    writeFileSync(file, JSON.stringify({ pid, environment: {} }));
    expect(() => readLocalFile(folder)).toThrow(`its process ${pid} has ended`);
    for (const text of [
      "",
      "null",
      "[]",
      '{"pid":-1,"environment":{}}',
      '{"pid":1}',
      '{"pid":1,"environment":{"a":1}}',
    ]) {
      writeFileSync(file, text);
      expect(() => readLocalFile(folder), text).toThrow("found no valid file");
    }
  });
});
