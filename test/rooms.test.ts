import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const project = fileURLToPath(new URL("..", import.meta.url));
const functions = join(project, "functions");

/** What each room may import of the others. Files beside the rooms (app, client, …) are above all but the handlers. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  nog: ["contract"],
  tasks: ["contract"],
  upstream: ["contract"],
  wake: ["contract", "tasks"],
  engines: ["contract", "upstream", "tasks", "wake"],
  lambda: ["contract", "tasks", "wake", "engines"],
  operate: ["contract", "upstream", "tasks", "wake", "engines"],
  ".": ["contract", "upstream", "tasks", "wake", "engines", "operate", "lambda"],
  testing: [".", "contract", "upstream", "tasks", "wake", "engines", "lambda"],
  handlers: [".", "contract", "engines", "nog"],
};

interface Import {
  readonly file: string;
  readonly room: string;
  readonly target: string;
}

const files = readdirSync(functions, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".ts") && !name.startsWith("nog/gen/"),
);
const imports = files.flatMap((file): Import[] => {
  const text = readFileSync(join(functions, file), "utf8");
  const found = text.matchAll(/^\s*(?:import|export)\b[^;]*?from "([^"]+)";|import\("([^"]+)"\)/gms);
  return [...found].map(([, named, dynamic]) => ({ file, room: roomOf(file), target: named ?? dynamic ?? "" }));
});

function roomOf(file: string): string {
  return file.includes("/") ? (file.split("/")[0] ?? "") : ".";
}

describe("the rooms of functions/", () => {
  it("are all known", () => {
    expect([...new Set(files.map(roomOf))].sort()).toEqual(Object.keys(allowed).sort());
    expect(imports.length).toBeGreaterThan(100);
  });

  it("import one way", () => {
    const wrong = imports
      .filter(({ target }) => target.startsWith("."))
      .map(({ file, room, target }) => ({
        file,
        room,
        to: relative(functions, join(functions, dirname(file), target)),
      }))
      .filter(({ room, to }) => to.startsWith("..") || (roomOf(to) !== room && !allowed[room]?.includes(roomOf(to))));
    expect(wrong).toEqual([]);
  });

  it("touch an AWS SDK only in the adapters of DynamoDB, EventBridge, SQS and Secrets Manager, and where they are built", () => {
    const users = imports.filter(({ target }) => target.startsWith("@aws-sdk/")).map(({ file }) => file);
    expect([...new Set(users)].sort()).toEqual([
      "app.ts",
      "tasks/dynamodb-codec.ts",
      "tasks/dynamodb-control.ts",
      "tasks/dynamodb-expression.ts",
      "tasks/dynamodb-table.ts",
      "tasks/dynamodb-throttles.ts",
      "tasks/dynamodb.ts",
      "upstream/token-source.ts",
      "wake/eventbridge.ts",
      "wake/straight-signals.ts",
    ]);
  });

  it("have names that say what is in them", () => {
    const vague = files.filter((file) => /(^|\/)(utils?|common|helpers?|misc|shared)(\/|\.ts$)/.test(file));
    expect(vague).toEqual([]);
  });

  it("export the public surface by name", () => {
    expect(readFileSync(join(functions, "index.ts"), "utf8")).not.toMatch(/export \*/);
    expect(readFileSync(join(functions, "nog", "index.ts"), "utf8")).not.toMatch(/export \*/);
  });
});

/** What each folder beside and with functions/ may import of the others. */
const allowedOutside: Readonly<Record<string, readonly string[]>> = {
  functions: [],
  infra: [],
  cli: ["console"],
  console: ["functions"],
  local: ["functions", "cli", "console"],
  torture: ["functions", "local", "test"],
  bench: ["cli", "functions", "local", "torture"],
};

describe("the folders of the project", () => {
  it("import one way: nothing that is run or deployed knows what tests it", () => {
    const imported = Object.keys(allowedOutside).flatMap((folder) =>
      readdirSync(join(project, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts"))
        .flatMap((name) => {
          const text = readFileSync(join(project, folder, name), "utf8");
          const targets = [...text.matchAll(/from "(\.[^"]+\.ts)";|import\("(\.[^"]+\.ts)"\)/g)].map(
            ([, a, b]) => a ?? b ?? "",
          );
          return targets.map((target) => {
            const to = relative(project, join(project, folder, dirname(name), target));
            return { file: `${folder}/${name}`, folder, to: to.split("/")[0] ?? "" };
          });
        }),
    );
    expect(imported.some(({ folder, to }) => folder === "torture" && to === "local")).toBe(true);
    expect(imported.filter(({ folder, to }) => to !== folder && !allowedOutside[folder]?.includes(to))).toEqual([]);
  });
});
