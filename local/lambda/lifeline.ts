import { Worker } from "node:worker_threads";

/**
 * File descriptor of the pipe from the process that manages this environment. Nothing is written to it: the pipe closes
 * when the manager ends, for whatever reason.
 */
export const lifelineFd = 3;

/** Runs in its own thread, so that it also ends a process whose handler never yields. */
const watcher = `
const { Socket } = require("node:net");
const end = () => {
  try { process.kill(-process.pid, "SIGKILL"); } catch {}
  process.kill(process.pid, "SIGKILL");
};
try {
  new Socket({ fd: ${lifelineFd}, readable: true, writable: false }).on("error", end).on("close", end).resume();
} catch {
  end();
}
`;

/** Ends this process and its process group as soon as its manager has ended. */
export function endWithManager(): void {
  const worker = new Worker(watcher, {
    eval: true,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
  });
  worker.unref();
}
