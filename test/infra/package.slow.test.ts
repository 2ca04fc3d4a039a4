import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleFunctions, zipFunctions } from "../../cli/bundle.ts";
import { cloudFormation, type Resource, type Template } from "../../infra/index.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const names = ["lazy", "cron", "signals", "eager"] as const;

const plain = (options: Partial<Parameters<typeof cloudFormation>[0]> = {}): Template =>
  cloudFormation({ settings: { name: "tailwake-dev" }, code: (name) => `${name}.zip`, ...options });

/** The properties of a resource. */
function resource(id: string, { Resources }: Template): Record<string, unknown> {
  return (Resources[id] ?? expect.fail(`no ${id} in ${Object.keys(Resources)}`)).Properties;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tailwake-template-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program of the project without a network and without a word of AWS in the environment. */
function offline(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const own = Object.entries(process.env).filter(([name]) => !/^(AWS_|VITEST|NODE_OPTIONS)/.test(name));
  const guard = pathToFileURL(join(project, "test/infra/no-network.mjs")).href;
  const env = { ...Object.fromEntries(own), NODE_OPTIONS: `--import=${guard}` };
  return promisify(execFile)(process.execPath, args, { cwd: project, env });
}

describe("npm run package", () => {
  let packaged: Template;
  let said: string;
  let prod: Template;
  let saidOfProd: string;
  const topic = "arn:aws:sns:us-east-1:1:alarms";
  beforeAll(async () => {
    [packaged, said] = await packageStage("dev");
    [prod, saidOfProd] = await packageStage("prod", "--param", "nogUrl=https://nog", `--param=alarmTopic=${topic}`);
  });

  async function packageStage(stage: string, ...parameters: readonly string[]): Promise<[Template, string]> {
    const output = join(folder, stage);
    const { stdout } = await offline("scripts/package.mjs", "--stage", stage, "--package", output, ...parameters);
    return [JSON.parse(readFileSync(join(output, "cloudformation-template-update-stack.json"), "utf8")), stdout];
  }

  const variablesOf = (template: Template) => Object(resource("LazyLambdaFunction", template).Environment).Variables;

  it("takes examples for the parameters that are not given, and says which", () => {
    expect(said).toMatch(/example values.*: --param=nogUrl=https:\/\/nog.example.org --param=nogRegistries=example\n/);
    expect(variablesOf(packaged)).toMatchObject({ TAILWAKE_NOG_URL: "https://nog.example.org" });
    expect(saidOfProd).toMatch(/example values.*: --param=nogRegistries=example\n/);
    expect(variablesOf(prod)).toMatchObject({ TAILWAKE_NOG_URL: "https://nog", TAILWAKE_NOG_REGISTRIES: "example" });
  });

  it("is the only one that does: osls itself refuses, and names all that is missing", async () => {
    const refused = (stage: string) =>
      offline(`${project}node_modules/osls/bin/serverless.js`, "deploy", "--stage", stage).then(
        () => expect.fail("a deployment"),
        ({ stdout }) =>
          [...String(stdout).matchAll(/"custom\.([\w.]+)": Value not found at "param"/g)].map(([, at]) => at),
      );
    expect(await refused("dev")).toEqual(["required.nogUrl", "required.nogRegistries"]);
    expect(await refused("prod")).toEqual(["required.nogUrl", "required.nogRegistries", "tailwake.alarmTopic"]);
  });

  it("has alarms that tell the topic of the deployment, or nobody if that was said", () => {
    for (const [template, told] of [
      [prod, topic],
      [packaged, "none"],
    ] as const) {
      const { HasAlarmTopic } = template.Conditions;
      expect(HasAlarmTopic).toEqual({ "Fn::Not": [{ "Fn::Equals": [told, "none"] }] });
      const alarms = Object.values(template.Resources).filter(({ Type }) => Type === "AWS::CloudWatch::Alarm");
      expect(alarms).toHaveLength(5);
      const actions = { "Fn::If": ["HasAlarmTopic", [told], { Ref: "AWS::NoValue" }] };
      for (const { Properties } of alarms)
        expect(Properties).toMatchObject({ AlarmActions: actions, OKActions: actions });
    }
  });

  it("makes the template of the fragments: what cloudFormation() returns, and osls's own bucket", () => {
    const own = ["ServerlessDeploymentBucket", "ServerlessDeploymentBucketPolicy"];
    const { Resources, Conditions, Outputs } = plain({
      include: ["signals"],
      environment: {
        TAILWAKE_NOG_URL: "https://nog.example.org",
        TAILWAKE_NOG_PROTOCOL: "grpc",
        TAILWAKE_NOG_REGISTRIES: "example",
        TAILWAKE_ENGINE: "lazy",
        TAILWAKE_NOG_TOKEN_SECRET: "",
        TAILWAKE_NOG_TOKEN_FIELD: "",
      },
    });
    const comparable = (resources: Readonly<Record<string, Resource>>) =>
      Object.fromEntries(
        Object.entries(resources).map(([id, { Properties, DependsOn: _, ...rest }]) => {
          const { Code, ...properties } = Properties;
          return [id, { ...rest, Properties: { ...properties, isCode: Code !== undefined } }];
        }),
      );
    const deployed = Object.entries(packaged.Resources).filter(([id]) => !own.includes(id));
    expect(deployed.length).toBe(Object.keys(packaged.Resources).length - own.length);
    expect(comparable(Object.fromEntries(deployed))).toEqual(comparable(Resources));
    expect(packaged.Conditions).toEqual(Conditions);
    expect(packaged.Outputs).toMatchObject(Outputs);
  });

  it("makes a zip for each function, of the bundles that npm start runs, each below 730 kB", () => {
    for (const name of names) {
      const files = unzipSync(readFileSync(join(project, ".build", "packages", `${name}.zip`)));
      const bundle = join(project, ".build", "functions", name);
      expect(Object.keys(files).sort()).toEqual(readdirSync(bundle).sort());
      expect(Object.keys(files)).toContain("index.mjs");
      let bytes = 0;
      for (const [file, content] of Object.entries(files)) {
        bytes += content.length;
        expect(readFileSync(join(bundle, file)).equals(content), `${name}/${file}`).toBe(true);
      }
      expect(bytes).toBeLessThan(730_000);
    }
  });

  it("has no function import Node's HTTP modules: it requires them, without what they export of web sockets", () => {
    for (const name of names) {
      const bundle = join(project, ".build", "functions", name);
      const code = readdirSync(bundle)
        .map((file) => readFileSync(join(bundle, file), "utf8"))
        .join("\n");
      expect(code, name).toMatch(/exports=\w+\("node:http"\)/);
      expect(code, name).not.toMatch(/(?:from|import|import\()"(?:node:)?https?"/);
    }
  });

  it("makes the same bytes again, in another folder and another time zone", async () => {
    const entries = Object.fromEntries(names.map((name) => [name, `functions/handlers/${name}.ts`]));
    await bundleFunctions(project, entries, join(folder, "functions"));
    const zone = process.env.TZ;
    process.env.TZ = "Pacific/Auckland";
    try {
      const zips = await zipFunctions(join(folder, "functions"), join(folder, "packages"));
      expect(Object.keys(zips)).toEqual([...names].sort());
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
    for (const name of names) {
      const [first, second] = [join(project, ".build"), folder].map((at) =>
        readFileSync(join(at, "packages", `${name}.zip`)),
      );
      expect(second?.equals(first ?? Buffer.alloc(0)), name).toBe(true);
    }
  });

  it("protects the table of prod, and lets that of another stage go with its stack", () => {
    expect(packaged.Resources.TaskTable?.DeletionPolicy).toBe("Delete");
    expect(resource("TaskTable", packaged).DeletionProtectionEnabled).toBe(false);
    expect(prod.Resources.TaskTable?.DeletionPolicy).toBe("Retain");
    expect(resource("TaskTable", prod)).toMatchObject({
      TableName: "tailwake-prod-tasks",
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
    });
  });

  it("writes down nothing of an account: no number of one, no ARN with a region", () => {
    const text = JSON.stringify(packaged);
    expect(text).toMatch(/AWS::AccountId/);
    expect(text).not.toMatch(/\b\d{12}\b/);
    expect(text).not.toMatch(/arn:aws:[a-z]+:[a-z]/);
  });
});

describe("zips of an earlier time", () => {
  it("are removed where the new ones go, and nothing else is", async () => {
    const bundles = join(folder, "few");
    const output = join(folder, "kept");
    for (const one of [join(bundles, "lazy"), output]) mkdirSync(one, { recursive: true });
    writeFileSync(join(bundles, "lazy", "index.mjs"), "export const handler = () => {};");
    for (const file of ["app.ts", "cron.zip"]) writeFileSync(join(output, file), "");
    expect(Object.keys(await zipFunctions(bundles, output))).toEqual(["lazy"]);
    expect(readdirSync(output)).toEqual(["app.ts", "lazy.zip"]);
  });
});
