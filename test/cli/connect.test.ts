import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { jsonLogger } from "tailwake";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { appOfDeployment, connect } from "../../cli/deployment/connect.ts";
import { writeLocalFile } from "../../cli/deployment/local-file.ts";
import { UsageError } from "../../cli/usage-error.ts";
import { setEnvironmentBack } from "../support/environment.ts";
import { startFakeLambda } from "./fake-lambda.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const settings = {
  AWS_REGION: "us-east-1",
  TAILWAKE_TABLE: "tasks",
  TAILWAKE_BUS_ARN: "arn:aws:events:us-east-1:123456789012:event-bus/tailwake",
  TAILWAKE_SCHEDULE_GROUP: "tailwake",
  TAILWAKE_SCHEDULE_ROLE_ARN: "arn:aws:iam::123456789012:role/schedules",
};
const log = jsonLogger(() => {});

let folder: string;
const environment = { ...process.env };
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tailwake-connect-"));
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "src"));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  setEnvironmentBack(environment);
  vi.restoreAllMocks();
});

describe("connecting to a deployment", () => {
  it("asks which one", async () => {
    for (const name of [undefined, "", "a/b", "x".repeat(60)]) {
      await expect(connect({ folder, name }, log)).rejects.toBeInstanceOf(UsageError);
    }
  });

  it("takes the settings of the functions that npm start runs, and none of the credentials of who types", async () => {
    process.env.AWS_PROFILE = "mine";
    const word = writeLocalFile(folder, settings);
    const { desk, title, withoutApp } = await connect({ folder, local: true }, log);
    word.remove();
    expect(title).toBe(`npm start in ${folder}`);
    expect(process.env).toMatchObject(settings);
    expect(process.env.AWS_PROFILE).toBeUndefined();
    expect([...desk.ports.bindings]).toEqual([]);
    expect(withoutApp).toContain("there is no src/handlers.ts");
  });

  it("takes the settings of a deployed function, and neither who acts nor where", async () => {
    const Variables = {
      ...settings,
      AWS_REGION: "us-west-2",
      AWS_ACCESS_KEY_ID: "the function's",
      NODE_OPTIONS: "--no",
    };
    const lambda = await startFakeLambda({
      "/2015-03-31/functions/orders-prod-lazy/configuration": { Environment: { Variables } },
    });
    const own = { AWS_ACCESS_KEY_ID: "mine", AWS_SECRET_ACCESS_KEY: "mine", AWS_ENDPOINT_URL_LAMBDA: lambda.url };
    Object.assign(process.env, own, { TAILWAKE_NAME: "orders-prod" });
    const { title, functions } = await connect({ folder, region: "eu-west-1" }, log);
    await lambda.close();
    expect({ title, functions }).toEqual({ title: "orders-prod", functions: "orders-prod" });
    expect(process.env).toMatchObject({ ...own, TAILWAKE_TABLE: "tasks", AWS_REGION: "eu-west-1" });
    expect(process.env.NODE_OPTIONS).not.toBe("--no");
  });

  it("brings the app of the project, which is made with the settings of the functions", async () => {
    const word = writeLocalFile(folder, { ...settings, ORDERS_URL: "http://127.0.0.1:1" });
    const upstreams = '{ it: { baseUrl: process.env.ORDERS_URL!, protocol: "grpc" } }';
    const text = `export const app = { activities: [], roots: [], signalSources: [], upstreams: ${upstreams} };`;
    writeFileSync(join(folder, "src", "handlers.ts"), text);
    const deployment = await connect({ folder, local: true }, log);
    expect(appOfDeployment(deployment).upstreams).toEqual({ it: { baseUrl: "http://127.0.0.1:1", protocol: "grpc" } });
    expect(deployment.withoutApp).toBeUndefined();
    deployment.close();
    word.remove();
  });

  it("goes on without an app that cannot be loaded, and says why where one is needed", async () => {
    const word = writeLocalFile(folder, settings);
    for (const [text, reason] of [
      ["throw new Error('no orders today')", "no orders today"],
      ["export const app = 1", "expected a module that exports app"],
      ["export const =", 'Expected identifier but found "="'],
    ] as const) {
      writeFileSync(join(folder, "src", "other.ts"), text);
      const deployment = await connect({ folder, local: true, app: "src/other.ts" }, log);
      expect(deployment.withoutApp).toContain(reason);
      expect(() => appOfDeployment(deployment)).toThrow("this command needs the app: it could not be loaded");
    }
    const { withoutApp } = await connect({ folder, local: true, app: "none.mjs" }, log);
    expect(withoutApp).toContain("expected a file that exports app, found no file at");
    word.remove();
  });
});
