import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "./usage-error.ts";

/** The template: `examples/orders` of the repository. */
const template = fileURLToPath(new URL("./template", import.meta.url));

/** Writes a project of this name into a new folder in `folder`. Returns the text to print. */
export async function init(folder: string, name: string): Promise<string> {
  if (!/^[a-z][a-z0-9-]{0,29}$/.test(name)) {
    throw new UsageError(`init: expected a name of 1 to 30 lower-case letters, digits and dashes, received ${name}`);
  }
  const project = join(folder, name);
  await mkdir(project, { recursive: true });
  const there = await readdir(project);
  if (there.length > 0)
    throw new Error(`${project}: expected a new or empty folder, but it contains ${there.join(", ")}`);
  await cp(template, project, { recursive: true });
  // An npm package cannot contain a .gitignore.
  await writeFile(join(project, ".gitignore"), "node_modules/\n.build/\n.serverless/\n");
  await edit(join(project, "serverless.yml"), (text) => text.replace("service: orders", `service: ${name}`));
  await edit(join(project, "settings.yml"), (text) => text.replace("name: orders-", `name: ${name}-`));
  await edit(join(project, "README.md"), (text) => text.replace(/<!-- repository -->.*?<!-- \/repository -->\n*/s, ""));
  const tailwake = await ownVersion();
  await edit(join(project, "package.json"), (text) => {
    const { name: _, ...own } = JSON.parse(text);
    return `${JSON.stringify({ name, ...own, dependencies: { ...own.dependencies, tailwake } }, undefined, 2)}\n`;
  });
  return `wrote ${project}\n\n  cd ${name}\n  npm install\n  npm test\n  npm start\n  npm run package\n`;
}

async function edit(file: string, change: (text: string) => string): Promise<void> {
  await writeFile(file, change(await readFile(file, "utf8")));
}

/** The version of Tailwake for the new project: from a file or a registry, as this copy was installed. */
async function ownVersion(): Promise<string> {
  const own = fileURLToPath(new URL("..", import.meta.url));
  const { version } = JSON.parse(await readFile(join(own, "package.json"), "utf8"));
  const installer = resolve(own, "..", "..", "package.json");
  const { dependencies, devDependencies } = JSON.parse(await readFile(installer, "utf8").catch(() => "{}"));
  const given: unknown = { ...devDependencies, ...dependencies }.tailwake;
  if (typeof given !== "string" || !given.startsWith("file:")) return version;
  const file = given.slice("file:".length);
  return `file:${isAbsolute(file) ? file : resolve(dirname(installer), file)}`;
}
