import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { lockDirectory } from "../../local/data-lock.ts";
import { startDatabase } from "../../local/database.ts";
import { startPlatform } from "../../local/platform.ts";
import { registry } from "./plan.ts";

/*
 * The process manager of a torture: the local runtime, with the database that it embeds unless another one is named. It
 * sends its functions the signals that its parent asks for, since only their parent knows that a process id is still
 * theirs, and ends with its own parent.
 *
 *     runtime.mjs FOLDER UPSTREAM-URL [DATABASE-URL]
 */

export type RuntimeOrder = SignalOrder | { readonly type: "stopFunctions" };

interface SignalOrder {
  readonly type: "signal";
  /** Another one if this has no process. */
  readonly functionName: string;
  readonly signal: "SIGKILL" | "SIGSTOP" | "SIGCONT";
  /** Which of its processes, in [0, 1). */
  readonly choice: number;
}

export type RuntimeAnswer =
  | { readonly type: "ready"; readonly databaseUrl: string }
  /** `pid` undefined: no function had a process. */
  | { readonly type: "signaled"; readonly pid: number | undefined }
  /** No function runs any more; the database does. */
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
  // Processes start no faster than elsewhere.
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
