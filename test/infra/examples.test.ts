import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

const read = (file: string) =>
  parse(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"), { merge: true }) as Record<string, unknown>;
const serverless = read("serverless.yml");
const settings = read("infra/settings.yml");

/** Plain JavaScript, which has no types of its own. */
type MissingParameters = (args: readonly string[], serverless: object, settings: object) => string[];
const script: string = new URL("../../scripts/examples.mjs", import.meta.url).href;
const { missingParameters } = (await import(script)) as { readonly missingParameters: MissingParameters };

const url = "--param=nogUrl=https://nog.example.org";
const registries = "--param=nogRegistries=example";
const topic = "--param=alarmTopic=none";

describe("the examples that npm run package takes", () => {
  it.each([
    ["a stage that takes the defaults", [], [url, registries]],
    ["prod, whose topic has no default", ["--stage", "prod"], [url, registries, topic]],
    ["prod, said in another way", ["--stage=prod"], [url, registries, topic]],
    ["prod, said in short", ["-s", "prod"], [url, registries, topic]],
    ["a URL that is given", ["--param", "nogUrl=https://nog"], [registries]],
    [
      "a topic that is given",
      ["--param=alarmTopic=arn:aws:sns:a", "--stage", "prod", "--package", "out"],
      [url, registries],
    ],
  ])("are those that nobody has given: %s", (_, args, examples) => {
    expect(missingParameters(args, serverless, settings)).toEqual(examples);
  });

  it("are not taken for what serverless.yml remembers, of this stage or of all", () => {
    const params = { prod: { nogUrl: "https://nog", alarmTopic: "none" }, default: { nogRegistries: "one" } };
    const remembering = { ...serverless, params };
    expect(missingParameters(["--stage", "prod"], remembering, settings)).toEqual([]);
    expect(missingParameters([], remembering, settings)).toEqual([url]);
  });

  it("are taken for what serverless.yml has a name for and no value, as osls does", () => {
    expect(missingParameters([], { ...serverless, params: { dev: { nogUrl: null } } }, settings)).toEqual([
      url,
      registries,
    ]);
  });
});
