import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const project = fileURLToPath(new URL("..", import.meta.url));

/**
 * What each room of `functions/` may import of the others. A room's name is its folder's; "." are the files beside the
 * rooms (app, client, settings, …).
 */
const rooms: Readonly<Record<string, readonly string[]>> = {
  foundation: [],
  contract: ["foundation"],
  nog: ["contract"],
  tasks: ["foundation", "contract"],
  upstream: ["foundation", "contract"],
  wake: ["foundation", "contract", "tasks"],
  engines: ["foundation", "contract", "upstream", "tasks", "wake"],
  run: ["foundation", "contract", "upstream", "tasks", "wake", "engines"],
  queue: ["contract", "tasks", "wake", "engines", "run"],
  leaders: ["foundation", "contract", "upstream", "tasks", "wake", "engines", "run"],
  tick: ["contract", "upstream", "tasks", "wake", "engines", "run", "queue", "leaders"],
  lambda: ["foundation", "contract", "tasks", "wake", "engines", "queue", "leaders", "tick"],
  operate: ["foundation", "contract", "upstream", "tasks", "wake", "engines", "run", "queue", "leaders", "tick"],
  ".": ["foundation", "contract", "upstream", "tasks", "wake", "engines", "run", "leaders", "lambda", "operate"],
  testing: [
    ...[".", "foundation", "contract", "upstream", "tasks", "wake"],
    ...["engines", "run", "queue", "leaders", "tick", "lambda"],
  ],
  handlers: [".", "contract", "engines", "nog"],
};

/** What each folder of the project may import of the others. A test may import anything; nothing imports `test`, but `proof`. */
const folders: Readonly<Record<string, readonly string[]>> = {
  functions: [],
  infra: [],
  cli: ["console"],
  console: ["functions"],
  local: ["functions", "cli", "console"],
  proof: [".", "functions", "local", "infra", "cli", "test"],
  bench: ["cli", "functions", "local", "proof"],
  docs: ["functions", "infra", "examples"],
  examples: [],
  scripts: [],
};
/** They import nothing of ours, or whatever they like. */
const foldersWithoutRule = ["proto", "test"];

interface Import {
  /** From the root of the project. */
  readonly file: string;
  /** What is imported, likewise; a package by its name. */
  readonly to: string;
  readonly isPackage: boolean;
}

const isCode = (name: string): boolean =>
  /\.(ts|tsx|mjs)$/.test(name) && !/(^|\/)(gen|node_modules|\.build)\//.test(name);

function importsIn(folder: string): Import[] {
  return readdirSync(join(project, folder), { recursive: true, encoding: "utf8" })
    .filter(isCode)
    .flatMap((name): Import[] => {
      const file = `${folder}/${name}`;
      const text = readFileSync(join(project, file), "utf8");
      const found = text.matchAll(/^\s*(?:import|export)\b[^;]*?from "([^"]+)";|import\("([^"]+)"\)/gms);
      return [...found].map(([, named, dynamic]) => {
        const target = named ?? dynamic ?? "";
        const isPackage = !target.startsWith(".");
        return { file, to: isPackage ? target : relative(project, join(project, dirname(file), target)), isPackage };
      });
    });
}

/** "." for the files in the root of the project. */
const folderOf = (path: string): string => (path.includes("/") ? (path.split("/")[0] ?? "") : ".");

/** The room of a file of `functions/`, or of a path into it. */
function roomOf(path: string): string {
  const [, room = "", ...rest] = path.split("/");
  return rest.length > 0 ? room : ".";
}

const inFunctions = importsIn("functions");
const arrows = inFunctions
  .filter(({ isPackage }) => !isPackage)
  .filter(({ file, to }) => folderOf(to) !== "functions" || roomOf(file) !== roomOf(to));

describe("the rooms of functions/", () => {
  it("are all known", () => {
    const found = readdirSync(join(project, "functions"), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
    expect([".", ...found].sort()).toEqual(Object.keys(rooms).sort());
    expect(inFunctions.length).toBeGreaterThan(100);
  });

  it("import one way", () => {
    expect(arrows.filter(({ file, to }) => !rooms[roomOf(file)]?.includes(roomOf(to)))).toEqual([]);
  });

  it("have no way back: each may import only of rooms that stand before it", () => {
    const order = Object.keys(rooms);
    for (const [room, imported] of Object.entries(rooms)) {
      for (const other of imported)
        expect(order.indexOf(other), `${room} imports ${other}`).toBeLessThan(order.indexOf(room));
    }
  });

  it("are allowed no import that nobody makes", () => {
    const made = new Set(arrows.map(({ file, to }) => `${roomOf(file)} -> ${roomOf(to)}`));
    const allowed = Object.entries(rooms).flatMap(([room, imported]) => imported.map((other) => `${room} -> ${other}`));
    expect(allowed.filter((one) => !made.has(one))).toEqual([]);
  });

  it("touch an AWS SDK only in the adapters of DynamoDB, EventBridge, SQS and Secrets Manager, and where they are built", () => {
    const users = inFunctions.filter(({ to }) => to.startsWith("@aws-sdk/")).map(({ file }) => file);
    expect([...new Set(users)].sort()).toEqual([
      "functions/app.ts",
      "functions/tasks/dynamodb-codec.ts",
      "functions/tasks/dynamodb-control.ts",
      "functions/tasks/dynamodb-expression.ts",
      "functions/tasks/dynamodb-table.ts",
      "functions/tasks/dynamodb-throttles.ts",
      "functions/tasks/dynamodb.ts",
      "functions/upstream/token-source.ts",
      "functions/wake/direct-signals.ts",
      "functions/wake/eventbridge.ts",
    ]);
  });

  it("tell the time and wait by a clock that they are given, but for the system's clock and the plain log", () => {
    const users = readdirSync(join(project, "functions"), { recursive: true, encoding: "utf8" })
      .filter(isCode)
      .filter((name) =>
        /\b(Date\.now|performance\.now|setTimeout|setInterval)\b|\bnew Date\(\)/.test(
          readFileSync(join(project, "functions", name), "utf8"),
        ),
      );
    expect(users.sort()).toEqual(["foundation/clock.ts", "foundation/logger.ts"]);
  });

  it("export the public surface by name", () => {
    for (const entry of ["index.ts", "nog/index.ts", "testing/index.ts", "client.ts", "operate.ts"]) {
      expect(readFileSync(join(project, "functions", entry), "utf8"), entry).not.toMatch(/export \*/);
    }
  });
});

describe("the folders of the project", () => {
  const found = readdirSync(project, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^(\.|node_modules$|dist$)/.test(entry.name))
    .map(({ name }) => name);
  const imported = Object.keys(folders).flatMap(importsIn);

  it("are all known", () => {
    expect(found.sort()).toEqual([...Object.keys(folders), ...foldersWithoutRule].sort());
  });

  it("import one way: nothing that is run or deployed knows what tests it", () => {
    expect(imported.some(({ file, to }) => folderOf(file) === "proof" && folderOf(to) === "local")).toBe(true);
    const across = imported.filter(({ file, to, isPackage }) => !isPackage && folderOf(file) !== folderOf(to));
    expect(across.filter(({ file, to }) => !folders[folderOf(file)]?.includes(folderOf(to)))).toEqual([]);
  });

  it("have files with names that say what is in them", () => {
    const files = [...Object.keys(folders), "test"].flatMap((folder) =>
      readdirSync(join(project, folder), { recursive: true, encoding: "utf8" })
        .filter(isCode)
        .map((name) => `${folder}/${name}`),
    );
    expect(files.filter((file) => /(^|[/-])(utils?|common|helpers?|misc|shared)[/.-]/.test(file))).toEqual([]);
  });
});
