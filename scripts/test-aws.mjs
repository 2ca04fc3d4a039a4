import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ensureInstalled, project, runAndExit } from "./install.mjs";

/**
 * The checks against software that this project did not write: AWS's DynamoDB Local and Lambda runtime client, moto and
 * cfn-lint. Java, Python and a C++ compiler must be there; everything else is installed below test/aws, once.
 */
const folder = join(project, "test", "aws");
const runtimeClient = join(folder, "node_modules", "aws-lambda-ric");
const venv = join(folder, ".venv");
const requirements = join(folder, "requirements.txt");

/** The oldest versions: DynamoDB Local 3 is compiled for Java 17, and packages of requirements.txt want Python 3.11. */
const oldestJava = 17;
const oldestPython = [3, 11];

checkTools();
ensureInstalled();
ensureInstalled(folder);
buildRuntimeClient();
installPythonTools();
makePackages();
runAndExit("node_modules/vitest/vitest.mjs", [
  "run",
  "--config",
  "test/aws/vitest.config.ts",
  ...process.argv.slice(2),
]);

/** Makes what is deployed, once for all test files: the zips, and the templates in `.build/deployment`. */
function makePackages() {
  const script = join(project, "scripts", "package.mjs");
  const { status, output } = captured(process.execPath, [script, "--package", join(project, ".build", "deployment")]);
  if (status !== 0) fail(`${tail(output)}npm run test:aws: npm run package failed\n`);
}

/** Fails with all that is missing, so that one installation brings everything. */
function checkTools() {
  const missing = [checkJava(), checkPython(), ...["cmake", "make", "g++", "tar", "xz"].map(checkCommand)].filter(
    Boolean,
  );
  if (missing.length === 0) return;
  fail(
    `npm run test:aws: tools are missing\n${missing.map((line) => `  ${line}\n`).join("")}` +
      "On Debian and Ubuntu, as root:\n" +
      "  apt-get install openjdk-17-jre-headless python3 python3-venv cmake make g++ tar xz-utils\n",
  );
}

function checkJava() {
  const { status, stderr } = spawnSync("java", ["-version"], { encoding: "utf8" });
  const expected = `java: expected ${oldestJava} or newer on the PATH, for DynamoDB Local`;
  if (status !== 0) return `${expected}; found none`;
  const [, version = ""] = /version "(\d+)/.exec(stderr) ?? [];
  return Number(version) >= oldestJava ? "" : `${expected}; found ${stderr.split("\n")[0]}`;
}

function checkPython() {
  const program = "import sys; print(*sys.version_info[:2]); import ensurepip, venv";
  const { status, stdout, stderr, error } = spawnSync("python3", ["-c", program], { encoding: "utf8" });
  const expected = `python3: expected ${oldestPython.join(".")} or newer on the PATH, with venv, for moto and cfn-lint`;
  if (error) return `${expected}; found none`;
  const [major, minor] = stdout.split(" ").map(Number);
  if (status !== 0) return `${expected}; ${stderr.trim().split("\n").at(-1)}`;
  const isNewEnough = major > oldestPython[0] || (major === oldestPython[0] && minor >= oldestPython[1]);
  return isNewEnough ? "" : `${expected}; found ${major}.${minor}`;
}

function checkCommand(command) {
  const { status } = spawnSync(command, ["--version"]);
  return status === 0 ? "" : `${command}: expected on the PATH, to compile AWS's runtime client; found none`;
}

/** Compiles the native part of AWS's runtime client, which its install script does; about half a minute. */
function buildRuntimeClient() {
  const stamp = join(runtimeClient, "built-for");
  const target = `Node ${process.versions.node.split(".")[0]} ${process.platform} ${process.arch}`;
  // A new lock makes a new installation, without the stamp.
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === target) return;
  process.stderr.write(`compiling AWS's runtime client for ${target}…\n`);
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const headers = join(prefix, "include", "node", "node.h");
  const { status, output } = captured(
    "npm",
    ["rebuild", "--ignore-scripts=false", "--foreground-scripts", "aws-lambda-ric"],
    {
      // Without it node-gyp downloads the headers.
      ...(existsSync(headers) && { npm_config_nodedir: prefix }),
    },
  );
  if (status !== 0 || !existsSync(join(runtimeClient, "rapid-client.node"))) {
    fail(
      `${tail(output)}npm run test:aws: aws-lambda-ric could not be compiled. ` +
        (existsSync(headers)
          ? `Node's headers were taken from ${prefix}.`
          : `There are no headers of Node at ${headers}.`) +
        (process.platform === "linux" ? "\n" : " It compiles on Linux only.\n"),
    );
  }
  writeFileSync(stamp, target);
}

/** Installs moto and cfn-lint with exactly the packages of requirements.txt in a virtual environment. */
function installPythonTools() {
  const stamp = join(venv, "installed");
  // The programs of a virtual environment know the folder they were installed in.
  const wanted = `${venv}\n${readFileSync(requirements, "utf8")}`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  process.stderr.write("installing moto and cfn-lint…\n");
  const python = join(venv, "bin", "python");
  const pip = [python, "-m", "pip", "--disable-pip-version-check"];
  for (const [command, ...args] of [
    ["python3", "-m", "venv", "--clear", venv],
    [...pip, "install", "--quiet", "--no-deps", "--requirement", requirements],
    [...pip, "check"],
  ]) {
    const { status, output } = captured(command, args);
    if (status !== 0) fail(`${tail(output)}npm run test:aws: ${[command, ...args].join(" ")} failed\n`);
  }
  writeFileSync(stamp, wanted);
}

function captured(command, args, environment = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: folder,
    env: { ...process.env, ...environment },
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return { status, output: `${stdout ?? ""}${stderr ?? ""}${error ? `${error.message}\n` : ""}` };
}

/** The last lines, where the reason is. */
function tail(output) {
  return `${output.trimEnd().split("\n").slice(-40).join("\n")}\n`;
}

function fail(message) {
  process.stderr.write(message);
  process.exit(1);
}
