import { fileURLToPath } from "node:url";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { build } from "esbuild";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, createHandlers } from "../../functions/app.ts";
import { defineProcessor, task } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import { liveBroadcast, observeRegistry } from "../../functions/nog/index.ts";
import { appSettings, readSettings, SettingsError, setting } from "../../functions/settings.ts";
import { thing } from "../support/world.ts";

const reader = defineProcessor(thing, { name: "reader", processEvents: async (run) => caughtUp(run.tail) });
const writer = defineProcessor(thing, { name: "writer", processEvents: async (run) => caughtUp(run.tail) });
const things = { baseUrl: "http://127.0.0.1:1", protocol: "connect" } as const;

const good = {
  TAILWAKE_TABLE: "tasks",
  TAILWAKE_BUS_ARN: "arn:aws:events:us-east-1:123456789012:event-bus/tailwake",
  TAILWAKE_SCHEDULE_GROUP: "tailwake",
  TAILWAKE_SCHEDULE_ROLE_ARN: "arn:aws:iam::123456789012:role/schedules",
};

describe("settings", () => {
  it("have defaults for what is a matter of taste; an empty value is an absent one", () => {
    const settings = readSettings({ ...good, TAILWAKE_PROBE_MINUTES: "" }, appSettings);
    expect(settings).toEqual({
      ...good,
      TAILWAKE_RUNS: 100,
      TAILWAKE_RUNS_PER_KIND: 10,
      TAILWAKE_PROBE_MINUTES: 15,
      TAILWAKE_CHECKS_PER_TICK: 2000,
      TAILWAKE_CHECKS_AT_ONCE: 20,
      TAILWAKE_EAGER_SHARDS: 1,
      TAILWAKE_EAGER_WATCHES: 800,
    });
  });

  it("let one leader watch as many streams as have a file descriptor each, beside those of AWS's clients", async () => {
    const descriptorsOfAFunction = 1024;
    vi.stubEnv("AWS_REGION", "us-east-1");
    const clients = [new DynamoDBClient({}), new EventBridgeClient({}), new SchedulerClient({})];
    vi.unstubAllEnvs();
    let sockets = 0;
    for (const { config } of clients) {
      const { httpsAgent } = await Object(config.requestHandler).configProvider;
      sockets += httpsAgent.maxSockets;
    }
    for (const client of clients) client.destroy();
    expect(sockets).toBeGreaterThan(0);
    const { TAILWAKE_EAGER_WATCHES: watches } = readSettings(good, appSettings);
    // Those of the process itself are some ten.
    expect(watches + sockets + 20).toBeLessThan(descriptorsOfAFunction);
  });

  it("report every problem at once: name, expected, received", () => {
    const environment = {
      TAILWAKE_TABLE: "a table!",
      TAILWAKE_BUS_ARN: good.TAILWAKE_BUS_ARN,
      TAILWAKE_SCHEDULE_ROLE_ARN: "role",
      TAILWAKE_RUNS_PER_KIND: "0",
      TAILWAKE_PROBE_MINUTES: "soon",
    };
    const problems = (() => {
      try {
        readSettings(environment, appSettings);
      } catch (error) {
        if (error instanceof SettingsError) return error;
      }
      throw new Error("no SettingsError");
    })();
    expect(problems.problems).toEqual([
      { name: "TAILWAKE_TABLE", expected: "the name of the task table", received: '"a table!"' },
      { name: "TAILWAKE_SCHEDULE_GROUP", expected: "the name of the schedule group", received: "nothing" },
      {
        name: "TAILWAKE_SCHEDULE_ROLE_ARN",
        expected: "the ARN of the role that schedules put events with",
        received: '"role"',
      },
      { name: "TAILWAKE_RUNS_PER_KIND", expected: "a whole number from 1 to 1000", received: '"0"' },
      { name: "TAILWAKE_PROBE_MINUTES", expected: "a whole number from 1 to 1440", received: '"soon"' },
    ]);
    for (const { name } of problems.problems) expect(problems.message).toContain(name);
  });

  it("take the URL of a queue for signals, and neither its ARN, nor a FIFO queue, nor what is no queue", () => {
    const read = (url: string) =>
      readSettings({ ...good, TAILWAKE_SIGNAL_QUEUE_URL: url }, appSettings).TAILWAKE_SIGNAL_QUEUE_URL;
    const url = "https://sqs.us-east-1.amazonaws.com/123456789012/tailwake-wakes";
    expect(read(url)).toBe(url);
    expect(read("http://127.0.0.1:4566/123456789012/wakes")).toBe("http://127.0.0.1:4566/123456789012/wakes");
    expect(read("")).toBeUndefined();
    for (const wrong of [
      "arn:aws:sqs:us-east-1:123456789012:tailwake-wakes",
      "tailwake-wakes",
      `${url}.fifo`,
      `${url}/`,
      "https://sqs.us-east-1.amazonaws.com/tailwake-wakes",
    ]) {
      expect(() => read(wrong)).toThrow(
        `TAILWAKE_SIGNAL_QUEUE_URL: expected the URL of an SQS queue that is not FIFO, received ${JSON.stringify(wrong)}`,
      );
    }
  });

  it("are the same however often they are read, also by a pattern with the flag g", () => {
    const pattern = setting.text("a name", /[a-z]+/g);
    for (let i = 0; i < 3; i++) expect(readSettings({ NAME: "anna" }, { NAME: pattern })).toEqual({ NAME: "anna" });
  });

  it("never show a secret", () => {
    const token = { TOKEN: { ...setting.secret("a token"), read: setting.url("").read } };
    const read = () => readSettings({ TOKEN: "hunter2-hunter2" }, token);
    expect(read).toThrow(SettingsError);
    expect(read).toThrow("a value of 15 characters");
    expect(read).not.toThrow("hunter2");
  });
});

describe("an app", () => {
  it("names an upstream that has no settings", () => {
    expect(() => createApp({ activities: [lazy(reader)], upstreams: {} as never })).toThrow(
      "upstream things of reader: expected an entry of that name in createApp({ upstreams }), received none",
    );
  });

  it("binds each activity once, to one engine", () => {
    const activities = [lazy(reader), cron(reader, { everyMinutes: 1 })] as const;
    expect(() => createApp({ activities, upstreams: { things } })).toThrow("activity thing/reader");
    expect(() => createApp({ activities: [lazy(reader), lazy(writer)], upstreams: { things } })).not.toThrow();
  });

  it("refuses a root whose activity is not bound, or whose address is not one of its kind", () => {
    const withRoot = (root: ReturnType<typeof task>) => () =>
      createApp({ activities: [lazy(reader)], upstreams: { things }, roots: [root] });
    expect(withRoot(task(writer, { thingId: "t" }))).toThrow("activity thing/writer");
    expect(withRoot(task(reader, { thingId: "" }))).toThrow("address.thingId of kind thing");
    expect(withRoot({ activity: reader, address: {} })).toThrow("address.thingId of kind thing");
    expect(withRoot(task(reader, { thingId: "t" }))).not.toThrow();
  });

  it("refuses an interval that is not of whole minutes", () => {
    for (const everyMinutes of [0, 0.5, -1, Number.NaN]) {
      expect(() => cron(reader, { everyMinutes })).toThrow("everyMinutes of activity reader");
    }
  });

  it("reads its environment at the first event, and says there what is wrong with it", async () => {
    const app = createApp({ activities: [lazy(reader)], upstreams: { things } });
    const handlers = createHandlers(app, { TAILWAKE_TABLE: "tasks" });
    const context = { getRemainingTimeInMillis: () => 1000, awsRequestId: "r" };
    await expect(handlers.wake({}, context)).rejects.toThrow(SettingsError);
    await expect(handlers.cron({}, context)).rejects.toThrow("TAILWAKE_BUS_ARN");
  });
});

describe("a bundle of one handler", () => {
  const project = fileURLToPath(new URL("../..", import.meta.url));
  /** What each function alone does. */
  const own = {
    createWakeHandler: "runBatch",
    createCronHandler: "tick",
    createSignalsHandler: "leadSignals",
    createEagerHandler: "leadEagerShard",
  };

  /** Of the work of all functions what is left when everything that these exports do not reach is shaken out. */
  async function workIn(exports: string): Promise<string[]> {
    const { outputFiles } = await build({
      stdin: { contents: `export { ${exports} } from "./functions/index.ts"`, resolveDir: project, loader: "ts" },
      bundle: true,
      packages: "external",
      format: "esm",
      write: false,
    });
    const text = outputFiles[0]?.text ?? "";
    return Object.values(own).filter((name) => text.includes(`async function ${name}(`));
  }

  it.each(Object.entries(own))("of %s leaves out what only the others need", async (name, work) => {
    expect(await workIn(name)).toEqual([work]);
  });

  it("of createHandlers has all", async () => {
    expect(await workIn("createHandlers")).toEqual(Object.values(own));
  });
});

describe("the cron function of an app", () => {
  const context = { getRemainingTimeInMillis: () => 1000, awsRequestId: "r" };
  const watched = createApp({ activities: [eager(reader), lazy(writer)], upstreams: { things } });

  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  /** How two ticks end, and what they log, where no request to AWS comes through. */
  async function ticks(app: Parameters<typeof createHandlers>[0], more: Readonly<Record<string, string>> = {}) {
    vi.stubEnv("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    vi.stubEnv("AWS_REGION", "us-east-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
    const lines: string[] = [];
    for (const stream of [process.stdout, process.stderr]) {
      vi.spyOn(stream, "write").mockImplementation((line) => lines.push(String(line)) > 0);
    }
    const handlers = createHandlers(app, { ...good, ...more });
    const failures: unknown[] = [];
    for (let i = 0; i < 2; i++) await handlers.cron({}, context).catch((error: unknown) => failures.push(error));
    const warnings = lines.filter((line) => line.includes("no signals function"));
    return { failures: failures.map(String), warnings };
  }

  it("refuses, each time, to tick for eager activities whose function is not deployed", async () => {
    const { failures } = await ticks(watched);
    expect(failures).toHaveLength(2);
    for (const failure of failures) {
      expect(failure).toMatch(
        /TAILWAKE_EAGER_FUNCTION: expected the name of the eager function, which runs reader, received nothing$/,
      );
    }
    const deployed = await ticks(watched, { TAILWAKE_EAGER_FUNCTION: "tailwake-dev-eager" });
    expect(deployed.failures).toHaveLength(2);
    for (const failure of deployed.failures) expect(failure).toContain("ECONNREFUSED");
  });

  it("says once that nobody holds the signals, and ticks: probes find the news (rule 22)", async () => {
    const signaled = createApp({
      activities: [lazy(observeRegistry)],
      upstreams: { nog: things },
      signalSources: [liveBroadcast],
    });
    const { failures, warnings } = await ticks(signaled);
    for (const failure of failures) expect(failure).toContain("ECONNREFUSED");
    expect(warnings.map((line) => JSON.parse(line))).toMatchObject([
      { level: "warn", sources: [liveBroadcast.name], setting: "TAILWAKE_SIGNALS_FUNCTION" },
    ]);
    expect((await ticks(signaled, { TAILWAKE_SIGNALS_FUNCTION: "tailwake-dev-signals" })).warnings).toEqual([]);
  });
});
