import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { measureDiskUsage } from "../../functions/nog/disk-usage.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tailwake-du-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** True where `du` is GNU's and, as in coreutils 9.1, gives a directory the size that `lstat` gives. */
const hasDu = ((): boolean => {
  const empty = mkdtempSync(join(tmpdir(), "tailwake-du-"));
  const { stdout } = spawnSync("du", ["--apparent-size", "--block-size=1", "-s", empty], { encoding: "utf8" });
  const size = lstatSync(empty).size;
  rmSync(empty, { recursive: true });
  return (stdout ?? "").startsWith(`${size}\t`) && size > 0;
})();

/** What du says, directory by directory: bytes by path. */
function duLines(...options: string[]): Map<string, bigint> {
  const out = execFileSync("du", ["--apparent-size", "--block-size=1", "-0", ...options, "."], {
    cwd: root,
    encoding: "latin1",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const lines = out.split("\0").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const [usage = "", path = ""] = line.split(/\t(.*)/s);
      return [path === "." ? "" : path.slice("./".length), BigInt(usage)];
    }),
  );
}

const measured = async (depth: number) =>
  new Map((await measureDiskUsage(root, { depth })).directories.map(({ path, usage }) => [path, usage]));

/** Files with known sizes; no link between two of the directories below `depth`, where du's choice is its own. */
function makeTree(): void {
  for (let a = 0; a < 5; a++) {
    for (let b = 0; b < 5; b++) {
      mkdirSync(join(root, `a${a}`, `b${b}`, "c", "d"), { recursive: true });
      for (let file = 0; file < 7; file++) {
        writeFileSync(join(root, `a${a}`, `b${b}`, "c", `file ${file}`), "x".repeat(a * 1_000 + b * 100 + file));
      }
    }
  }
  writeFileSync(join(root, "a0", "many links"), "0123456789");
  for (let link = 0; link < 9; link++) linkSync(join(root, "a0", "many links"), join(root, "a0", `link ${link}`));
  symlinkSync("/etc", join(root, "a1", "to a directory"));
  symlinkSync("nowhere", join(root, "a1", "to nothing"));
  symlinkSync("../a0", join(root, "a1", "to a sibling"));
  writeFileSync(join(root, "a2", "sparse"), "");
  truncateSync(join(root, "a2", "sparse"), 3 * 2 ** 30);
  writeFileSync(join(root, "a3", "new\nline and \ttab"), "odd");
  mkdirSync(join(root, "ä ☃"));
  mkdirSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff, 0x80, 0x6f])]));
  writeFileSync(
    Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff, 0x80, 0x6f]), Buffer.from("/\xfe", "latin1")]),
    "raw",
  );
}

describe("disk usage", () => {
  test.runIf(hasDu)("is what du gives, line by line, for links, holes and odd names", async () => {
    makeTree();
    const lines = await measured(99);
    const expected = duLines();
    expect(lines.size).toBe(expected.size);
    const readable = (path: string) =>
      path === "f\xff\x80o" ? "f\\xff\\x80o" : Buffer.from(path, "latin1").toString("utf8");
    for (const [path, usage] of expected) expect(lines.get(readable(path)), path).toBe(usage);
  });

  test.runIf(hasDu)("is du's total for files that directories share", async () => {
    makeTree();
    for (let b = 0; b < 5; b++) linkSync(join(root, "a4", "b0", "c", "file 1"), join(root, `a${b}`, `shared`));
    symlinkSync("nowhere", join(root, "a0", "symlink"));
    linkSync(join(root, "a0", "symlink"), join(root, "a1", "linked symlink"));
    expect((await measured(0)).get("")).toBe(duLines("--summarize").get(""));
  });

  test("is the recorded size of the files and what lstat says of the directories", async () => {
    makeTree();
    mkdirSync(join(root, "a", "b"), { recursive: true });
    writeFileSync(join(root, "a", "file"), "x".repeat(1_000));
    writeFileSync(join(root, "a", "b", "file"), "x".repeat(100));
    linkSync(join(root, "a", "file"), join(root, "a", "b", "link"));
    symlinkSync("twelve bytes", join(root, "a", "b", "symlink"));
    const lines = await measured(4);
    const own = (...path: string[]) => BigInt(lstatSync(join(root, ...path)).size);
    expect(lines.get("a/b")).toBe(own("a", "b") + 112n);
    expect(lines.get("a")).toBe(own("a") + own("a", "b") + 1_112n);
    expect(lines.get("a2")).toBe(
      3n * 2n ** 30n +
        own("a2") +
        [0, 1, 2, 3, 4]
          .map(
            (b) =>
              own("a2", `b${b}`) +
              own("a2", `b${b}`, "c") +
              own("a2", `b${b}`, "c", "d") +
              7n * BigInt(2_000 + b * 100) +
              21n,
          )
          .reduce((sum, size) => sum + size),
    );
  });

  test("counts a file with links for the first of its directories, whichever is read first", async () => {
    for (const name of ["m", "z", "b", "q"]) mkdirSync(join(root, name));
    const before = await measured(1);
    writeFileSync(join(root, "q", "file"), "x".repeat(500));
    for (const name of ["z", "m", "b"]) linkSync(join(root, "q", "file"), join(root, name, "link"));
    for (let walk = 0; walk < 20; walk++) {
      const after = await measured(1);
      const grown = ["b", "m", "q", "z"].filter((name) => (after.get(name) ?? 0n) - (before.get(name) ?? 0n) >= 500n);
      expect(grown).toEqual(["b"]);
    }
  });

  test("gives lines down to the depth, in the order of their paths, the root first", async () => {
    makeTree();
    const paths = (depth: number) =>
      measureDiskUsage(root, { depth }).then(({ directories }) => directories.map(({ path }) => path));
    expect(await paths(0)).toEqual([""]);
    expect(await paths(1)).toEqual(["", "a0", "a1", "a2", "a3", "a4", "f\\xff\\x80o", "ä ☃"]);
    expect(await paths(2)).toHaveLength(8 + 25);
    expect((await measured(2)).get("")).toBe((await measured(0)).get(""));
  });

  test.skipIf(process.getuid?.() === 0)("skips a directory that it may not read, and says so", async () => {
    makeTree();
    chmodSync(join(root, "a4"), 0);
    try {
      const result = await measureDiskUsage(root, { depth: 0 });
      expect(result).toMatchObject({ skipped: 1, skippedExamples: [`${join(root, "a4")}: EACCES`] });
      if (hasDu) expect(result.directories[0]?.usage).toBe(duLines("--summarize").get(""));
    } finally {
      chmodSync(join(root, "a4"), 0o755);
    }
  });

  test("a root that cannot be read is an error", async () => {
    await expect(measureDiskUsage(join(root, "missing"), { depth: 0 })).rejects.toMatchObject({ code: "ENOENT" });
    writeFileSync(join(root, "file"), "");
    await expect(measureDiskUsage(join(root, "file"), { depth: 0 })).rejects.toMatchObject({ code: "ENOTDIR" });
  });

  test("a root that is a symbolic link is the directory that it points to", async () => {
    mkdirSync(join(root, "real", "below"), { recursive: true });
    symlinkSync("real", join(root, "link"));
    const [real, link] = await Promise.all(
      ["real", "link"].map((name) => measureDiskUsage(join(root, name), { depth: 1 })),
    );
    expect(link).toEqual(real);
  });

  test("an abort ends the walk with the signal's reason, and nothing of it runs on", async () => {
    makeTree();
    const aborts = new AbortController();
    const walk = measureDiskUsage(root, { depth: 1, signal: aborts.signal });
    setImmediate(() => aborts.abort(new Error("deadline")));
    await expect(walk).rejects.toThrow("deadline");
    await expect(measureDiskUsage(root, { depth: 1, signal: AbortSignal.abort() })).rejects.toThrow("abort");
  });

  test("the event loop turns while it walks", async () => {
    makeTree();
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    for (let walk = 0; walk < 5; walk++) await measureDiskUsage(root, { depth: 2 });
    clearInterval(counting);
    expect(turns).toBeGreaterThan(0);
  });
});
