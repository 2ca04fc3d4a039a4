import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureInstalled, project } from "./install.mjs";

/** The checks of CI beside the tests. Prints each check with its result; exits with 1 if one fails. */
const bin = join(project, "node_modules", ".bin");
const proto = join(project, "proto");
const orders = join(project, "examples", "orders");
const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };

ensureInstalled();
// tsc reads the types of the packages in test/aws.
ensureInstalled(join(project, "test", "aws"));
let failed = 0;
check("format and lint", "biome", ["ci", "--colors=off", "--error-on-warnings", "."]);
check("types", "tsc", ["-p", "."]);
check("types of the console's page", "tsc", ["-p", "console/page"]);
check("dead code", "knip", ["--no-progress"]);
check("proto lint", "buf", ["lint"], proto);
check("proto format", "buf", ["format", "-d", "--exit-code"], proto);
check("proto breaking changes", "buf", ["breaking", "--against", "baseline.binpb"], proto);
check("proto lint of the example", "buf", ["lint"], join(orders, "proto"));
check("proto format of the example", "buf", ["format", "-d", "--exit-code"], join(orders, "proto"));
checkGenerated("generated files", proto, join(project, "functions", "nog", "gen"));
checkGenerated("generated files of the example", join(orders, "proto"), join(orders, "src", "gen"));
process.stdout.write(failed === 0 ? "all checks passed\n" : `${failed} checks failed\n`);
process.exit(failed === 0 ? 0 : 1);

function check(name, command, args, cwd = project) {
  const { status, stdout, stderr } = spawnSync(join(bin, command), args, { cwd, env, encoding: "utf8" });
  report(name, status === 0, `${stdout}${stderr}`);
}

function report(name, passed, output) {
  if (!passed) failed++;
  process.stdout.write(`${passed ? "ok  " : "FAIL"} ${name}\n${passed ? "" : output}`);
}

/** Generates into a temporary folder and compares: the tracked files must match the definitions. */
function checkGenerated(name, definitions, generatedTo) {
  const fresh = mkdtempSync(join(tmpdir(), "tailwake-gen-"));
  try {
    const { status, stderr } = spawnSync(join(bin, "buf"), ["generate", "--template", template(fresh)], {
      cwd: definitions,
      env,
      encoding: "utf8",
    });
    const tracked = filesIn(generatedTo);
    const generated = filesIn(fresh);
    const names = [...new Set([...tracked.keys(), ...generated.keys()])];
    const drifted = names.filter((file) => tracked.get(file) !== generated.get(file));
    const words = drifted
      .map((file) => `${file} differs from what its definitions generate: npm run generate\n`)
      .join("");
    report(name, status === 0 && drifted.length === 0, `${stderr}${words}`);
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

function template(out) {
  const plugin = { local: "protoc-gen-es", out, opt: ["target=ts", "import_extension=ts", "erasable_syntax=true"] };
  return JSON.stringify({ version: "v2", plugins: [plugin] });
}

function filesIn(folder) {
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath ?? entry.path, entry.name);
        return [path.slice(folder.length + 1), readFileSync(path, "utf8")];
      }),
  );
}
