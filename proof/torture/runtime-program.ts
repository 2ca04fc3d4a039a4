import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { lockDirectory } from "../../local/data-lock.ts";
import { startDatabase } from "../../local/database.ts";
import { startPlatform } from "../../local/platform.ts";
import { registry } from "./plan.ts";

/*
 * The process manager of a torture: the local runtime, with its embedded database unless another one is given. It sends
 * signals to its functions on its parent's orders, since only the parent of a process knows that a process id is still
 * valid. It ends with its own parent.
 *
 *     runtime.mjs FOLDER UPSTREAM-URL [DATABASE-URL]
 */

export type RuntimeOrder = SignalOrder | { readonly type: "stopFunctions" };

interface SignalOrder {
  readonly type: "signal";
  /** The preferred function; another one if it has no process. */
  readonly functionName: string;
  readonly signal: "SIGKILL" | "SIGSTOP" | "SIGCONT";
  /** Selects one of its processes, in [0, 1). */
  readonly choice: number;
}

export type RuntimeAnswer =
  | { readonly type: "ready"; readonly databaseUrl: string }
  /** `pid` undefined: no function had a process. */
  | { readonly type: "signaled"; readonly pid: number | undefined }
  /** All functions have stopped; the database is running. */
  | { readonly type: "stopped" }
  | { readonly type: "failed"; readonly what: string };

const [folder = "", grpcUrl = "", givenDatabase] = process.argv.slice(2);
const answer = (message: RuntimeAnswer) => process.connected && process.send?.(message);
const { TORTURE_TOKEN = "", TORTURE_SPEED = "", TORTURE_SINCE = "", TORTURE_BROKEN = "" } = process.env;

const functionNames = ["lazy", "eager", "signals", "cron"];
const lock = await lockDirectory(join(folder, "data"));
const database = givenDatabase === undefined ? await startDatabase(join(folder, "data", "tasks")) : undefined;
const databaseUrl = givenDatabase ?? database?.url ?? "";
const platform = await startPlatform({
  bootstrapPath: join(folder, "bootstrap.mjs"),
  functionsFolder: join(folder, "functions"),
  registry,
  engine: "lazy",
  databaseUrl,
  upstream: { grpcUrl, token: TORTURE_TOKEN },
  // Processes start in real time.
  initTimeoutMs: 10_000 * Number(TORTURE_SPEED),
  environment: {
    ...{ TORTURE_SPEED, TORTURE_SINCE, TORTURE_BROKEN },
    TORTURE_RECORDINGS: join(folder, "recordings"),
    TORTURE_CALM_FILE: join(folder, "calm"),
  },
  onLog: (_, line) => appendFileSync(join(folder, "functions.log"), `${line}\n`),
  onFailure: (what) => answer({ type: "failed", what }),
});

function signal({ functionName, signal, choice }: SignalOrder): void {
  const named = platform.lambda.pids(functionName);
  const pids = named.length > 0 ? named : functionNames.flatMap((name) => platform.lambda.pids(name));
  const pid = pids[Math.floor(choice * pids.length)];
  if (pid !== undefined) process.kill(pid, signal);
  answer({ type: "signaled", pid });
}

process.on("message", async (order: RuntimeOrder) => {
  if (order.type === "signal") return signal(order);
  await platform.close();
  answer({ type: "stopped" });
});
process.once("disconnect", async () => {
  await platform.close();
  await database?.close();
  await lock.release();
});
answer({ type: "ready", databaseUrl });
