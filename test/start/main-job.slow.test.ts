import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { EphemeralRegistry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { WorkflowEvent_Type as Event } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { uuidText } from "../../functions/nog/index.ts";
import { connectUpstream } from "../../functions/upstream/connection.ts";
import { startUpstream } from "../../local/upstream/server.ts";
import { patienceMs } from "../support/patience.ts";
import { type Finished, project, run, start } from "./program.ts";
import { apparentSize, directoriesInTree, writeTree } from "./tree.ts";

let folder: string;
let tree: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tailwake-start-"));
  tree = join(folder, "tree");
  writeTree(tree);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("npm start -- --once", () => {
  it("does the same job eagerly with --engine eager", async () => {
    const { code, out, err } = await run("--once", "--json", "--root", tree, "--engine", "eager");
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ bytes: apparentSize(tree), entries: directoriesInTree });
  });

  it("prints a table of the largest directories for people", async () => {
    const { code, out } = await run("--once", "--root", tree);
    expect(code).toBe(0);
    expect(out).toMatch(/ready after \d+ ms/);
    expect(out).toMatch(new RegExp(`directory\n *[\\d,]+ +[\\d.]+ [KM]iB +${tree}\n`));
    expect(out).toMatch(/\d+ runs, \d+ writes to the task table/);
  });
});

describe("npm start", () => {
  it("serves the operators' console, which can kill the lazy function, until it is ended", async () => {
    const child = spawn(process.execPath, ["scripts/start.mjs", "--root", tree], {
      cwd: project,
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const out = await new Promise<string>((resolve) => {
      let printed = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
        if (printed.includes("waiting for events")) resolve(printed);
      });
    });
    const [, url = ""] = /^console at (\S+)$/m.exec(out) ?? [];
    const entered = await fetch(url);
    const cookie = entered.headers.get("set-cookie")?.split(";")[0] ?? "";
    const base = new URL(/url=([^"]+)"/.exec(await entered.text())?.[1] ?? "", url);
    const headers = { cookie, origin: base.origin, "content-type": "application/json" };
    const page = await fetch(new URL("page.js", base), { headers });
    expect(await page.text()).toContain("Tasks by activity");
    const tasks = await fetch(new URL("api/tasks?activity=du-root", base), { headers });
    expect(await tasks.json()).toMatchObject({ total: 1, rows: [{ status: "completed" }] });
    const killed = await fetch(new URL("api/kill", base), { method: "POST", headers, body: "{}" });
    expect(await killed.json()).toEqual({ done: expect.stringMatching(/^Killed [12] of its processes\.$/) });
    child.kill("SIGINT");
    expect(await once(child, "close")).toEqual([0, null]);
  });
});

describe("npm start -- --data", () => {
  /** Kills the program when a line for which `when` holds has come; true if it was killed. */
  async function killed(
    args: readonly string[],
    when: (line: string) => boolean,
  ): Promise<Finished & { wasKilled: boolean }> {
    let wasKilled = false;
    const { finished } = start(args, (line, child) => {
      if (wasKilled || !when(line)) return;
      wasKilled = true;
      child.kill("SIGKILL");
    });
    return { ...(await finished), wasKilled };
  }

  const workflowsSaid = (err: string) => [...err.matchAll(/du-root workflow (\S+)/g)].map(([, id]) => id as string);

  /** The ids of the workflows in the journal. None may have begun before the one before it had completed. */
  async function workflowsIn(data: string): Promise<string[]> {
    const upstream = await startUpstream({ dataDir: join(data, "journal") });
    const nog = connectUpstream({ baseUrl: upstream.grpcUrl, protocol: "grpc" });
    try {
      const [begun, open] = [new Set<string>(), new Set<string>()];
      for await (const { events } of createClient(EphemeralRegistry, nog.transport).registryWorkflowIndexEvents({
        registry: "local",
      })) {
        for (const { event, workflowId } of events) {
          const id = uuidText(workflowId, "id");
          if (event === Event.EV_FSO_DU_ROOT_STARTED) {
            expect(open, `${id} began while another one was not completed`).toEqual(new Set());
            begun.add(id);
            open.add(id);
          }
          if (event === Event.EV_FSO_DU_ROOT_COMPLETED) open.delete(id);
        }
      }
      expect(open).toEqual(new Set());
      return [...begun];
    } finally {
      nog.close();
      await upstream.close();
    }
  }

  it("goes on with the same workflow after a SIGKILL, however far it was", async () => {
    const data = join(folder, "killed");
    const args = ["--once", "--json", "--root", tree, "--data", data];
    const said: string[] = [];
    for (const moment of [/^ready/, /du-root workflow/, /^measuring/, /^ready/]) {
      const { wasKilled, err, out } = await killed(args, (line) => moment.test(line));
      if (!wasKilled) expect(JSON.parse(out).bytes).toBe(apparentSize(tree));
      said.push(...workflowsSaid(err));
    }
    const { code, out, err } = await run(...args);
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ bytes: apparentSize(tree), entries: directoriesInTree });
    said.push(...workflowsSaid(err));
    // A program that dies a moment after its workflow has completed has none to go on with: the next one begins anew.
    expect(await workflowsIn(data)).toEqual(expect.arrayContaining(said));
  });

  it("leaves no function running when it is killed", async () => {
    const args = ["--root", tree, "--data", join(folder, "orphans"), "--json"];
    const marker = `tailwake-orphan-${process.pid}`;
    const child = spawn(process.execPath, ["scripts/start.mjs", ...args], {
      cwd: project,
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, TAILWAKE_TEST_MARKER: marker },
    });
    let err = "";
    for await (const text of child.stderr.setEncoding("utf8")) {
      err += text;
      if (err.includes("committed")) break;
    }
    const functions = childrenOf(child.pid ?? 0);
    expect(functions.length).toBeGreaterThan(0);
    child.kill("SIGKILL");
    await once(child, "close");
    await vi.waitUntil(() => !functions.some(isRunning), { timeout: patienceMs, interval: 10 });
  });

  it("keeps a second start away from the same directory, by name", async () => {
    const data = join(folder, "shared");
    let first: ReturnType<typeof start> | undefined;
    await new Promise<void>((resolve) => {
      first = start(["--json", "--root", tree, "--data", data], (line) => {
        if (line.startsWith("ready")) resolve();
      });
    });
    onTestFinished(() => void first?.child.kill("SIGKILL"));
    expect(await run("--once", "--json", "--root", tree, "--data", data)).toMatchObject({
      code: 1,
      out: "",
      err: `${data}: expected an unused directory, but another process of Tailwake uses it\n`,
    });
    first?.child.kill("SIGINT");
    expect((await first?.finished)?.err).not.toContain("failed");
  });

  it("names file and place of a journal that was damaged, and leaves it as it is", async () => {
    const data = join(folder, "damaged");
    const args = ["--once", "--json", "--root", tree, "--data", data];
    expect((await run(...args)).code).toBe(0);
    const journal = join(data, "journal", "journal.log");
    const bytes = readFileSync(journal);
    bytes[Math.floor(bytes.length / 3)] = (bytes[Math.floor(bytes.length / 3)] ?? 0) ^ 0xff;
    writeFileSync(journal, bytes);
    const { code, err } = await run(...args);
    expect(code).toBe(1);
    expect(err).toContain(journal);
    expect(readFileSync(journal).equals(bytes)).toBe(true);
  });
});

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
}

/** The processes of this machine; a slim image has no `ps`, and macOS no /proc. */
function processes(): Process[] {
  if (!existsSync("/proc/self/stat")) {
    const lines = execFileSync("ps", ["-e", "-o", "pid=,ppid=,stat="], { encoding: "utf8" }).trim().split("\n");
    return lines.map((line) => {
      const [pid, parent, state = ""] = line.trim().split(/\s+/);
      return { pid: Number(pid), parent: Number(parent), state };
    });
  }
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // The name in parentheses may hold anything.
      const [, state = "", parent] = /.*\) (\S) (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, "utf8")) ?? [];
      return [{ pid: Number(name), parent: Number(parent), state }];
    } catch {
      return [];
    }
  });
}

const childrenOf = (pid: number): number[] => processes().flatMap((one) => (one.parent === pid ? [one.pid] : []));

/** One that has ended and only waits for its parent does not run. */
const isRunning = (pid: number): boolean => processes().some((one) => one.pid === pid && !one.state.startsWith("Z"));
