import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import packageJson from "../../package.json" with { type: "json" };

const project = fileURLToPath(new URL("../..", import.meta.url));
const example = join(project, "examples", "orders");

describe("the orders example", () => {
  it("has the settings of the fragments, and the pattern of its signals", () => {
    const settings = (file: string) => {
      const { default: values, prod } = parse(readFileSync(file, "utf8"), { merge: true });
      return [Object.keys(values).sort(), Object.keys(prod).sort()];
    };
    // Which part of a secret is a token, only the app that this repository deploys reads there.
    const ours = settings(join(project, "infra", "settings.yml")).map((keys) =>
      [...keys.filter((key) => key !== "tokenField"), "signalEvents"].sort(),
    );
    expect(settings(join(example, "settings.yml"))).toEqual(ours);
  });

  it("has the versions of the repository", () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(example, "package.json"), "utf8"));
    const { tailwake, ...rest } = dependencies;
    const ours: Readonly<Record<string, string>> = { ...packageJson.dependencies, ...packageJson.devDependencies };
    expect(tailwake).toBe(`file:../../tailwake-${packageJson.version}.tgz`);
    for (const [name, version] of Object.entries({ ...rest, ...devDependencies })) expect(ours[name]).toBe(version);
  });
});
