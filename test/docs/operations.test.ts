import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { afterAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { exitCodes } from "../../cli/command.ts";
import { commands } from "../../cli/commands.ts";
import { metrics } from "../../functions/engines/meter.ts";
import { appSettings, readSettings, type SettingsError } from "../../functions/settings.ts";
import { cloudFormation, type InfraSettings } from "../../infra/index.ts";
import { linesOfDashboard } from "../infra/dashboard.ts";
import { blocksOf, project, sampleTexts } from "./regions.ts";

const file = "docs/operations.md";
const text = readFileSync(join(project, file), "utf8");
const sources = readdirSync(join(project, "functions"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => readFileSync(join(project, "functions", name), "utf8"))
  .join("\n");

/** The rows of all tables whose header begins with these words, as cells; code marks are taken away. */
function rowsUnder(...header: readonly string[]): string[][] {
  const found: string[][] = [];
  let inside = false;
  for (const line of text.split("\n")) {
    if (!line.startsWith("|")) {
      inside = false;
      continue;
    }
    const cells = line.split("|").slice(1, -1);
    const words = cells.map((cell) => cell.trim().replaceAll("`", ""));
    if (inside && !/^-+$/.test(words[0] ?? "")) found.push(words);
    if (header.every((word, i) => words[i] === word)) inside = true;
  }
  return found;
}

const template = cloudFormation({
  settings: { name: "NAME", signalEvents: { source: ["orders"] } },
  include: ["signals", "eager", "own-signals"],
  code: (name) => `${name}.zip`,
});

/** All objects in a value, it included. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  return [value as Record<string, unknown>, ...Object.values(value).flatMap(objectsIn)];
}

const propertiesOf = (type: string) =>
  Object.values(template.Resources).flatMap(({ Type, Properties }) => (Type === type ? [Properties] : []));

const withoutName = (name: unknown) => String(name).replace(/^NAME-/, "");

/** The metrics of each alarm, by the alarm's name without the deployment's. */
const metricsOfAlarms = new Map(
  propertiesOf("AWS::CloudWatch::Alarm").map((properties) => [
    withoutName(properties.AlarmName),
    objectsIn(properties).flatMap(({ Namespace, MetricName }) => (MetricName ? [`${Namespace} ${MetricName}`] : [])),
  ]),
);

const metricsOfDashboard = () => linesOfDashboard(template).map(([namespace, name]) => `${namespace} ${name}`);

describe("the variables of the operator's page", () => {
  const rows = rowsUnder("variable", "default", "expected");
  const expected = Object.fromEntries(rows.map(([name, , words]) => [name, words]));

  it("are those that the functions read, both ways", () => {
    const read = new Set(sources.match(/\bTAILWAKE_[A-Z]+(?:_[A-Z]+)*\b/g));
    expect(rows.map(([name]) => name).sort()).toEqual([...read].sort());
  });

  it("have the ranges and the defaults of every app's settings", () => {
    for (const [name, { expected: words }] of Object.entries(appSettings)) expect(expected[name], name).toBe(words);
    const required = {
      TAILWAKE_TABLE: "table",
      TAILWAKE_BUS_ARN: "arn:aws:events:us-east-1::event-bus/bus",
      TAILWAKE_SCHEDULE_GROUP: "group",
      TAILWAKE_SCHEDULE_ROLE_ARN: "arn:aws:iam:::role/schedule",
    };
    const defaults = Object.entries(readSettings(required, appSettings)).map(([name, value]) => [
      name,
      name in required ? "required" : String(value ?? "none"),
    ]);
    const documented = rows.filter(([name = ""]) => name in appSettings).map(([name, otherwise]) => [name, otherwise]);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(defaults));
    for (const name of Object.keys(required)) {
      expect(() => readSettings({ ...required, [name]: "" }, appSettings), name).toThrow(name);
    }
  });

  it("have the ranges of the deployed app's settings, and say which of them it cannot do without", async () => {
    const own = rows.filter(([name = ""]) => !(name in appSettings));
    const refused = async (value: string) => {
      vi.resetModules();
      for (const [name = ""] of rows) vi.stubEnv(name, value);
      const { problems } = await import("../../functions/handlers/reference-app.ts").then(
        () => expect.fail("an environment that was taken"),
        (error: SettingsError) => error,
      );
      vi.unstubAllEnvs();
      return problems;
    };
    const required = (await refused("")).map(({ name }) => name);
    expect(own.filter(([, otherwise]) => otherwise === "required").map(([name]) => name)).toEqual(
      required.filter((name) => !(name in appSettings)),
    );
    const problems = new Map((await refused(" ")).map(({ name, expected: words }) => [name, words]));
    // Of a token and a path every text will do.
    const anyText = ["TAILWAKE_NOG_TOKEN_FILE", "TAILWAKE_NOG_TOKEN"];
    expect(own.filter(([name = ""]) => !problems.has(name)).map(([name]) => name)).toEqual(anyText);
    for (const [name = "", , words] of own) {
      if (!anyText.includes(name)) expect(words, name).toBe(problems.get(name));
    }
    expect(problems.get("TAILWAKE_NOG_TOKEN, TAILWAKE_NOG_TOKEN_FILE, TAILWAKE_NOG_TOKEN_SECRET")).toBe(
      "at most one of them",
    );
  });
});

describe("the operator's table of settings.yml", () => {
  it("has its keys, with what default and prod have, both ways", () => {
    const stages = parse(readFileSync(join(project, "infra/settings.yml"), "utf8"), { merge: true });
    const shown = (value: unknown) => (typeof value === "string" && value !== "" ? value : JSON.stringify(value));
    const there = Object.entries(stages.default as InfraSettings).map(([key, value]) => {
      const prod = stages.prod[key];
      return [key, shown(value), JSON.stringify(prod) === JSON.stringify(value) ? "the same" : shown(prod)];
    });
    expect(rowsUnder("key", "default", "prod").map((cells) => cells.slice(0, 3))).toEqual(there);
  });
});

describe("the operator's table of what is created", () => {
  it("has the name of everything that is given one, both ways", () => {
    const given = Object.values(template.Resources).flatMap(({ Type, Properties }) =>
      Object.entries(Properties).flatMap(([key, value]) =>
        /Name$/.test(key) &&
        /^AWS::(Lambda::Function|Logs|DynamoDB|Events::EventBus|SQS|CloudWatch|Scheduler)/.test(Type)
          ? [value]
          : [],
      ),
    );
    const named = given.filter((value): value is string => typeof value === "string" && value.includes("NAME"));
    const documented = rowsUnder("service", "names").map(([, names]) => names?.match(/[\w/-]*NAME[\w-]*/g) ?? []);
    expect([...new Set(documented.flat())].sort()).toEqual([...new Set(named)].sort());
  });
});

describe("the operator's metrics", () => {
  const rows = rowsUnder("metric", "what it says", "alarm");

  it("are those that the code emits, and those of AWS that an alarm or the dashboard uses, both ways", () => {
    const emitted = Object.keys(metrics).map((name) => `Tailwake ${name}`);
    const used = [...[...metricsOfAlarms.values()].flat(), ...metricsOfDashboard()];
    expect(used.filter((name) => !name.startsWith("AWS/") && !emitted.includes(name))).toEqual([]);
    const ofAws = used.filter((name) => name.startsWith("AWS/"));
    expect(rows.map(([name]) => name).sort()).toEqual([...new Set([...emitted, ...ofAws])].sort());
  });

  it("are looked for under dimensions that they are emitted with: an alarm or a line under others would stay empty", () => {
    const ofAlarms = propertiesOf("AWS::CloudWatch::Alarm")
      .flatMap(objectsIn)
      .filter(({ MetricName, Namespace }) => MetricName && Namespace === "Tailwake")
      .map(({ MetricName, Dimensions }) => [MetricName, (Dimensions as { Name: string }[]).map(({ Name }) => Name)]);
    const ofLines = linesOfDashboard(template)
      .filter(([namespace]) => namespace === "Tailwake")
      .map(([, name, ...rest]) => [name, rest.filter((part, i) => i % 2 === 0 && typeof part === "string")]);
    expect(ofAlarms.length + ofLines.length).toBeGreaterThan(20);
    for (const [name, dimensions] of [...ofAlarms, ...ofLines] as [keyof typeof metrics, string[]][]) {
      const metric = metrics[name];
      const sets = [["service"], ["service", ...("by" in metric ? metric.by : [])]];
      expect(sets, name).toContainEqual(dimensions);
    }
  });

  it("name the alarms that use them, and whether the dashboard does", () => {
    for (const [name = "", , alarm, dashboard] of rows) {
      const using = [...metricsOfAlarms].filter(([, metrics]) => metrics.includes(name)).map(([id]) => id);
      expect(alarm, name).toBe(using.join(", ") || "–");
      expect(dashboard, name).toBe(metricsOfDashboard().includes(name) ? "yes" : "–");
    }
  });
});

describe("the operator's alarms", () => {
  const [, chapter = ""] = /^## Alarms\n(.*?)^## /ms.exec(text) ?? [];
  const sections = new Map(
    chapter.split(/^### /m).map((section) => [section.split("\n", 1)[0], section.replaceAll(/\s+/g, " ")]),
  );

  it("have a section each, which begins with what the alarm itself says", () => {
    const alarms = propertiesOf("AWS::CloudWatch::Alarm");
    const named = alarms.map(({ AlarmName }) => withoutName(AlarmName));
    expect([...sections.keys()].filter((title) => title !== "" && title !== "Metrics").sort()).toEqual(named.sort());
    for (const { AlarmName, AlarmDescription } of alarms) {
      const name = withoutName(AlarmName);
      expect(sections.get(name)).toContain(`${name} > ${AlarmDescription} `);
    }
  });

  it("search the log for lines that the code writes, with fields that it gives them", () => {
    const queries = [...chapter.matchAll(/^```\n(.*?)^```$/gms)].map(([, query = ""]) => query);
    expect(queries.length).toBeGreaterThanOrEqual(metricsOfAlarms.size);
    const fieldsOf = loggedFields();
    const measured = [...Object.keys(metrics), ...Object.values(Code).map((code) => `StreamFailures_${code}`)];
    for (const query of queries) {
      const conditions = [...query.matchAll(/msg (?:= "[^"]+"|in \[[^\]]+\])/g)].map(([condition]) => condition);
      const messages = conditions.flatMap((condition) =>
        [...condition.matchAll(/"([^"]+)"/g)].map(([, one = ""]) => one),
      );
      for (const message of messages) expect(fieldsOf.has(message), message).toBe(true);
      // One that names no message is about errors of every kind.
      const ofThese = messages.length > 0 ? messages : [...fieldsOf.keys()];
      const known = new Set([
        ...measured,
        "msg",
        "level",
        ...ofThese.flatMap((message) => [...(fieldsOf.get(message) ?? [])]),
      ]);
      const [, listed = ""] = /(?:\| fields | by )([^|]+)/.exec(query) ?? [];
      const fields = listed.match(/@?\w+/g)?.filter((field) => !field.startsWith("@"));
      expect(fields?.length, query).toBeGreaterThan(0);
      expect(
        fields?.filter((field) => !known.has(field)),
        query,
      ).toEqual([]);
    }
  });
});

describe("the operator's page of upgrades", () => {
  it("says how long old code runs on: as long as each function's timeout", () => {
    const timeouts = propertiesOf("AWS::Lambda::Function").map(({ FunctionName, Timeout }) => [
      withoutName(FunctionName),
      `${Timeout} s`,
    ]);
    expect(rowsUnder("function", "old code runs on for")).toEqual(timeouts);
  });

  it("names lines of the log that the code writes for what it cannot read", () => {
    const rows = rowsUnder("what it cannot read", "what happens to it", "log");
    expect(rows.length).toBeGreaterThan(8);
    expect(rows.map(([, , message = ""]) => message).filter((message) => !loggedFields().has(message))).toEqual([]);
  });

  it("has commands that the packager has, and says truly that no versions of functions are kept", () => {
    const commands: ReadonlyMap<string, { readonly options: object }> = createRequire(import.meta.url)(
      "osls/lib/cli/commands-schema/aws-service.js",
    );
    const lines = blocksOf(file, "sh").flatMap((block) => block.match(/npx osls .*/g) ?? []);
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines) {
      const [, command = "", options = ""] = /^npx osls ((?:[a-z]+ )+) *(.*)$/.exec(line) ?? [];
      const known = commands.get(command.trim());
      expect(known, line).toBeDefined();
      for (const [, option = ""] of options.matchAll(/--(\w+)/g)) expect(known?.options, line).toHaveProperty(option);
    }
    expect(parse(readFileSync(join(project, "serverless.yml"), "utf8")).provider.versionFunctions).toBe(false);
  });
});

/** The words in what each line of the log is given: names of its fields, and more. */
function loggedFields(): ReadonlyMap<string, ReadonlySet<string>> {
  const ofRun = /^ +this\.log = withFields\(.*$/m.exec(sources)?.[0] ?? expect.fail("no log of a run");
  const report = /^export interface TickReport \{.*?^}/ms.exec(sources)?.[0] ?? expect.fail("no report of a tick");
  const lines = /(state\.)?(?:log\.(?:info|warn|error)\(|bestEffort\(ports, )"([^"]+)"(.*?)\);\n/gs;
  const found = new Map<string, Set<string>>();
  const ofSettlements = /\b(line)\("\w+", "([^"]+)"(?:, (\{[^}]*\}))?\)/gs;
  for (const [, state, message = "", given = ""] of [...sources.matchAll(lines), ...sources.matchAll(ofSettlements)]) {
    const more = [state ? ofRun : "", given.includes("...report") ? report : ""];
    const words = `${given} ${more.join(" ")}`.match(/\w+/g) ?? [];
    found.set(message, new Set([...(found.get(message) ?? []), ...words]));
  }
  return found;
}

describe("the operator's code", () => {
  const folder = mkdtempSync(join(tmpdir(), "tailwake-operations-"));
  const before = process.cwd();
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  });

  it("is that of the samples, word for word", () => {
    const samples = [...sampleTexts().values()];
    const blocks = blocksOf(file, "ts");
    expect(blocks).toHaveLength(2);
    expect(blocks.filter((block) => !samples.includes(block))).toEqual([]);
  });

  it("writes a template of a deployment with the signals of one's own services", async () => {
    process.chdir(folder);
    await import("../../docs/samples/write-template.ts");
    const { Resources } = JSON.parse(readFileSync(join(folder, "template.json"), "utf8"));
    expect(Resources).toMatchObject({
      TaskTable: { DeletionPolicy: "Retain" },
      OwnSignalsRule: {},
      LazyLambdaFunction: { Properties: { Code: ".build/packages/lazy.zip" } },
    });
  });

  it("includes the fragments that every deployment needs, from where the package has them", () => {
    const [yaml = ""] = blocksOf(file, "yaml");
    const included = [...yaml.matchAll(/node_modules\/tailwake\/infra\/([\w-]+)\.yml/g)].map(([, name]) => name);
    const whole = readFileSync(join(project, "serverless.yml"), "utf8");
    const always = [...whole.matchAll(/^ +(?:- |lazy: |cron: )\$\{file\(infra\/([\w-]+)\.yml\)[^#\n]*$/gm)];
    expect(included).toEqual(always.map(([, name]) => name));
  });
});

describe("the command line in the operations manual", () => {
  it("has the commands about a deployment, each as it is typed", () => {
    const typed = rowsUnder("command", "does").flatMap(([command = ""]) => command.split(", "));
    const known = commands
      .filter(({ needsDeployment }) => needsDeployment)
      .map(({ name, positionals }) => `${name} ${positionals}`.trim());
    expect(typed.sort()).toEqual(known.sort());
  });

  it("names options that there are", () => {
    const options = new Set(commands.flatMap(({ options: own }) => Object.keys(own)));
    for (const name of ["name", "profile", "region", "local", "app", "json", "help"]) options.add(name);
    const section = text.slice(text.indexOf("## At the command line"), text.indexOf("## From your own code"));
    const named = [...section.matchAll(/`--([a-z-]+)|tailwake[^`\n]* --([a-z-]+)/g)].map(([, a, b]) => a ?? b ?? "");
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !options.has(name))).toEqual([]);
  });

  it("has the exit codes", () => {
    expect(Object.fromEntries(rowsUnder("exit code", "means"))).toEqual(exitCodes);
  });

  it("has the permissions that the doctor says it needs", () => {
    const allowed = rowsUnder("to", "allow", "on").flatMap(([, allow = ""]) => allow.match(/[a-z]+:\w+/g) ?? []);
    const doctor = readdirSync(join(project, "cli", "doctor")).map((name) =>
      readFileSync(join(project, "cli", "doctor", name), "utf8"),
    );
    const needed = doctor.join("\n").match(/\b(lambda|dynamodb|events|sqs|scheduler|secretsmanager):[A-Z]\w+/g) ?? [];
    expect(new Set(needed).size).toBeGreaterThan(10);
    expect([...new Set(needed)].filter((permission) => !allowed.includes(permission))).toEqual([]);
  });
});
