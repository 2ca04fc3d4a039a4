import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeLocalFile } from "../../cli/deployment/local-file.ts";
import { createTaskTable, startDatabase } from "../../local/database.ts";
import { patienceMs } from "../support/patience.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const example = join(project, "examples", "orders");
const readme = readFileSync(join(example, "README.md"), "utf8");
/** What the README says to type, in its order. */
const commands = (/```sh\n([^`]*)```/.exec(readme)?.[1] ?? "").trim().split("\n");

const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];

let folder: string;
let tailwake: string;
let copy: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tailwake-orders-"));
  const packed = join(folder, "packed");
  mkdirSync(packed);
  await run(project, process.execPath, ["scripts/pack.mjs", "--pack-destination", packed]);
  const [tarball = "no tarball"] = readdirSync(packed);
  const installed = join(folder, "installed");
  mkdirSync(installed);
  await run(installed, "npm", ["install", ...quiet, "--no-package-lock", join(packed, tarball)]);
  tailwake = join(installed, "node_modules", ".bin", "tailwake");
  copy = join(folder, "my-orders");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("tailwake init, from the package", () => {
  it("writes the orders example as a project that its README's commands install, test, start and package", async () => {
    expect(commands).toEqual(["npm install", "npm test", "npm run types", "npm start", "npm run package"]);
    const [install, test, types, start, pack] = [...commands];
    const said = await run(folder, tailwake, ["init", "my-orders"]);
    expect(said).toContain(`wrote ${copy}`);
    await type(`${install} ${quiet.join(" ")}`);
    expect(await type(`${test}`)).toMatch(/Tests +8 passed/);
    await type(`${types}`);
    const lines = (await type(`${start}`)).split("\n");
    for (const order of ["A-1", "A-2", "A-3"]) {
      const placed = lines.indexOf(`${order}: event 1, placed`);
      expect(lines.indexOf(`${order}: event 2, shipped`)).toBeGreaterThan(placed);
      expect(placed).toBeGreaterThan(0);
      expect(lines).toContain(`order/ship-order@${order}: completed at event 2`);
    }
    expect(lines.at(-2)).toBe("3 of 3 orders shipped");
    expect(await type(`${pack}`)).toMatch(/lazy\.zip +\d+ bytes/);
  });

  it("operates a deployment with the app of the project", async () => {
    const database = await startDatabase(undefined);
    const client = new DynamoDBClient({
      endpoint: database.url,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    await createTaskTable(client, "orders-tasks");
    client.destroy();
    const word = writeLocalFile(copy, {
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_ENDPOINT_URL: database.url,
      TAILWAKE_TABLE: "orders-tasks",
      TAILWAKE_BUS_ARN: "arn:aws:events:us-east-1:123456789012:event-bus/orders",
      TAILWAKE_SCHEDULE_GROUP: "orders",
      TAILWAKE_SCHEDULE_ROLE_ARN: "arn:aws:iam::123456789012:role/orders",
      ORDERS_URL: "http://127.0.0.1:1",
    });
    try {
      const status = JSON.parse(await type("npx tailwake status --local --json"));
      expect(status).toMatchObject({ tasks: 0, upstreams: [{ name: "orders", breaker: { state: "closed" } }] });
      const started = await type("npx tailwake start ship-order orderId=A-4 --local --dry-run");
      expect(started).toContain("would start order/ship-order@A-4");
    } finally {
      word.remove();
      await database.close();
    }
  });

  it("has a deployment of its own: its name, its functions, the rule of its signals", async () => {
    const template = readFileSync(join(copy, ".serverless", "cloudformation-template-update-stack.json"), "utf8");
    const { Resources } = JSON.parse(template);
    expect(Resources.TaskTable.Properties.TableName).toBe("my-orders-dev-tasks");
    expect(Resources.OwnSignalsRule.Properties.EventPattern).toEqual({
      source: ["orders"],
      "detail-type": ["OrderChanged"],
    });
    const functions = Object.keys(Resources).filter((id) => id.endsWith("LambdaFunction"));
    expect(functions.sort()).toEqual(["CronLambdaFunction", "LazyLambdaFunction"]);
    expect(Resources.LazyLambdaFunction.Properties.Environment.Variables).toHaveProperty("ORDERS_URL");
    const files = unzipSync(readFileSync(join(copy, ".build", "packages", "lazy.zip")));
    const bytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeLessThan(730_000);
    expect(readFileSync(join(copy, "README.md"), "utf8")).not.toContain("repository");
  });

  it("brings the operators' console with its page, and the licences of what is in it", () => {
    const files = readdirSync(join(folder, "installed", "node_modules", "tailwake", "console"));
    for (const file of ["server.js", "page.js", "page.css", "licences.txt"]) expect(files).toContain(file);
    expect(files).not.toContain("page");
  });

  it("leaves alone a folder that has something in it, and says what it does not understand", async () => {
    writeFileSync(join(copy, "README.md"), "mine");
    await expect(run(folder, tailwake, ["init", "my-orders"])).rejects.toThrow("expected a new or empty folder");
    expect(readFileSync(join(copy, "README.md"), "utf8")).toBe("mine");
    await expect(run(folder, tailwake, ["init", "../my-orders"])).rejects.toThrow("received ../my-orders");
    await expect(run(folder, tailwake, ["package"])).rejects.toThrow("npm install --save-dev esbuild");
    await expect(type("npx tailwake package --from test/none")).rejects.toThrow(
      "test/none: expected a source file for each function, found 0 other files",
    );
    await expect(run(folder, tailwake, ["deploy"])).rejects.toThrow("unknown command deploy");
  });
});

/** Types a command in the copy. */
async function type(command: string): Promise<string> {
  const [program = "", ...args] = command.split(" ");
  return run(copy, program, args);
}

/** Resolves to what the program prints; rejects, with all that it printed, if it does not end with 0. */
async function run(cwd: string, program: string, args: readonly string[]): Promise<string> {
  const ours = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV|TEST|npm_)/.test(name));
  const env = { ...Object.fromEntries(ours), NO_COLOR: "1" };
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, env, timeout: patienceMs }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(" ")}: ${error.message}\n${stdout}\n${stderr}`));
      else resolve(stdout);
    });
  });
}
