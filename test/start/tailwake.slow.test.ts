import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTree } from "./tree.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const index = "registry-workflow-index/workflow-index@";

let folder: string;
let started: ChildProcess;

/** Runs the command line in the folder, as `npm run tailwake --` does. */
async function tailwake(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const script = join(project, "scripts", "tailwake.mjs");
    const options = { cwd: folder, env: { ...process.env, AWS_PROFILE: "of whoever types" } };
    execFile(process.execPath, [script, ...args], options, (error, out, err) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, out, err }),
    );
  });
}
const local = (...args: string[]) => tailwake(...args, "--local");

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tailwake-typed-"));
  writeTree(join(folder, "tree"));
  started = spawn(process.execPath, [join(project, "scripts", "start.mjs"), "--root", "tree"], {
    cwd: folder,
    env: { ...process.env, INIT_CWD: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (!started.stdout) throw new Error("the started process has no standard output");
  for await (const line of createInterface({ input: started.stdout })) if (line.startsWith("waiting for")) break;
  started.stdout.resume();
});
afterAll(async () => {
  if (started.exitCode === null && started.signalCode === null) {
    started.kill("SIGKILL");
    await once(started, "exit");
  }
  rmSync(folder, { recursive: true });
});

describe("tailwake --local, beside npm start", () => {
  it("looks at what runs there, with its app", async () => {
    const [status, ls, why, show, events, doctor] = await Promise.all([
      local("status"),
      local("ls", "--json"),
      local("why", index),
      local("show", "registry-workflow/"),
      local("events", index),
      local("doctor"),
    ]);
    expect(status).toMatchObject({ code: 0, err: "", out: expect.stringMatching(/^Nothing is stuck\.\n/) });
    expect(status.out).toMatch(/\nnog +closed\n/);
    const tasks = ls.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(tasks.map(({ kind, status: of }) => [kind, of]).sort()).toEqual([
      ["registry", "sleeping"],
      ["registry-workflow", "completed"],
      ["registry-workflow-index", "sleeping"],
    ]);
    expect(why).toMatchObject({ code: 0, err: "", out: expect.stringContaining("sleeps until a signal") });
    expect(show).toMatchObject({ code: 0, err: "" });
    expect(show.out).toMatch(/\ntail +[0-9A-Z]{26}, made 20\S+Z \(/);
    expect(show.out).toMatch(/\nstream +nothing after the tail\n/);
    expect(show.out).toMatch(/\n +\d+ .* completed +[0-9A-Z]{26}\n/);
    expect(events).toEqual({ code: 0, out: "", err: "no event after the tail\n" });
    expect(doctor.out.split("\n").filter((line) => line !== "" && !line.startsWith("ok "))).toEqual([
      "not checked  functions: npm start has no Lambda API",
    ]);
    expect(doctor.code).toBe(0);
  });

  it("acts on it, and does not with --dry-run or --dry", async () => {
    const rewind = await local("rewind", index, "--to", "2000-01-01", "--dry-run");
    expect(rewind).toMatchObject({ code: 0, out: expect.stringMatching(/\ntail +[0-9A-Z]{26} +epoch\n/) });
    const replay = await local("replay", "registry-workflow/", "--dry", "--from", "epoch", "--json");
    expect(JSON.parse(replay.out)).toMatchObject({ outcome: { type: "completed" }, before: { tail: "epoch" } });
    expect(await local("pause", index)).toMatchObject({ code: 2, out: "" });
    expect((await local("pause", index, "--reason", "a test")).out).toContain("was sleeping, and is paused");
    expect(await local("why", index)).toMatchObject({
      code: 3,
      out: expect.stringContaining(": a test. It stays paused"),
    });
    expect((await local("resume", index, "--reason", "it is over")).out).toContain("was paused, and is ready");
    expect((await local("show", index)).out).toMatch(/\noperator +resume .* by .*: it is over\n/);
  });

  it("says that it is gone when it has ended, well or not", async () => {
    expect(await local("why")).toMatchObject({ code: 2 });
    started.kill("SIGKILL");
    await once(started, "exit");
    expect(await local("status")).toMatchObject({ code: 1, out: "", err: expect.stringContaining("has ended") });
    expect(existsSync(join(folder, ".tailwake", "local.json"))).toBe(true);
  });
});
