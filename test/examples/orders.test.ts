import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };

const project = fileURLToPath(new URL("../..", import.meta.url));
const example = join(project, "examples", "orders");
const readme = readFileSync(join(example, "README.md"), "utf8");
/** What the README says to type, in its order. */
const commands = (/```sh\n([^`]*)```/.exec(readme)?.[1] ?? "").trim().split("\n");

let folder: string;
let copy: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tailwake-orders-"));
  copy = join(folder, "orders");
  const packed = join(folder, "packed");
  mkdirSync(packed);
  await run(project, process.execPath, ["scripts/pack.mjs", "--pack-destination", packed]);
  // As somebody copies it: without what an install or a build has left in it.
  const left = new Set(["node_modules", ".build"]);
  cpSync(example, copy, { recursive: true, filter: (path) => !left.has(basename(path)) });
  const [tarball = "no tarball"] = readdirSync(packed);
  const own = JSON.parse(readFileSync(join(copy, "package.json"), "utf8"));
  own.dependencies.tailwake = `file:${join(packed, tarball)}`;
  writeFileSync(join(copy, "package.json"), JSON.stringify(own));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the orders example, copied to a folder of its own", () => {
  it("is installed, tested, type-checked and started by the commands of its README", async () => {
    expect(commands).toEqual(["npm install", "npm test", "npm run types", "npm start"]);
    const [install, test, types, start] = [...commands];
    await type(`${install} --prefer-offline --no-audit --no-fund`);
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
  }, 120_000);

  it("has the versions of the repository", () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(example, "package.json"), "utf8"));
    const { tailwake, ...rest } = dependencies;
    const ours: Readonly<Record<string, string>> = { ...packageJson.dependencies, ...packageJson.devDependencies };
    expect(tailwake).toBe(`file:../../tailwake-${packageJson.version}.tgz`);
    for (const [name, version] of Object.entries({ ...rest, ...devDependencies })) expect(ours[name]).toBe(version);
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
    execFile(program, args, { cwd, env, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(" ")}: ${error.message}\n${stdout}\n${stderr}`));
      else resolve(stdout);
    });
  });
}
