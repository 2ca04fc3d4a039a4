import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { writeLocalFile } from "../../cli/deployment/local-file.ts";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { start } from "../../functions/tasks/transitions.ts";
import { startDatabase } from "../support/dynamodb.ts";
import { printers } from "./printers.ts";
import { type } from "./typed.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

describe("tailwake console", () => {
  it("serves the page of a deployment until it is ended, and prints the URL that opens it", async () => {
    execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: project, stdio: "ignore" });
    const folder = mkdtempSync(join(tmpdir(), "tailwake-console-"));
    const database = await startDatabase();
    try {
      const endpoint = await database.client.config.endpoint?.();
      const table = await database.createTable();
      const store = new DynamoTaskStore(database.client, table);
      await store.update(
        { entity: "b", kind: "thing", activity: "reader" },
        start({ thingId: "b" }, "lazy", Date.now()),
      );
      const arn = "arn:aws:events:us-east-1:123456789012:event-bus/b";
      writeLocalFile(folder, {
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
        AWS_ENDPOINT_URL_DYNAMODB: `http://${endpoint?.hostname}:${endpoint?.port}`,
        TAILWAKE_TABLE: table,
        TAILWAKE_BUS_ARN: arn,
        TAILWAKE_SCHEDULE_GROUP: "g",
        TAILWAKE_SCHEDULE_ROLE_ARN: arn,
      });
      const program = join(project, ".build", "tailwake", "main.mjs");
      const child = spawn(process.execPath, [program, "console", "--local", "--no-open", "--by", "kim"], {
        cwd: folder,
      });
      const said = { out: "", err: "" };
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said.err += text;
      });
      await new Promise<void>((resolve) => {
        child.once("close", resolve);
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
          said.out += text;
          if (said.out.includes("\n")) resolve();
        });
      });
      expect(said.out, said.err).toMatch(/^console at http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}\n$/);
      expect(said.err).toContain("Without the app the console shows no upstreams");
      const [, url = ""] = /at (\S+)/.exec(said.out) ?? [];
      const entered = await fetch(url);
      const base = new URL(/url=([^"]+)"/.exec(await entered.text())?.[1] ?? "", url);
      const headers = { cookie: entered.headers.get("set-cookie")?.split(";")[0] ?? "", origin: base.origin };
      expect(await (await fetch(new URL("page.js", base), { headers })).text()).toContain("Tasks by activity");
      const tasks = await fetch(new URL("api/tasks", base), { headers });
      expect(await tasks.json()).toMatchObject({ total: 1, rows: [{ entity: "b", status: "ready" }] });
      child.kill("SIGINT");
      expect(await once(child, "close")).toEqual([0, null]);
    } finally {
      await database.close();
      rmSync(folder, { recursive: true });
    }
  });

  it("refuses a port that is none", async () => {
    const { desk } = await printers();
    for (const port of ["0", "65536", "-1", "http"]) {
      const { code, err } = await type(["console", "--no-open", `--port=${port}`], { desk });
      expect([code, err]).toEqual([2, expect.stringContaining("--port: expected a whole number from 1 to 65535")]);
    }
  });
});
