import type { Tasks } from "../../client.ts";
import type { Task } from "../../contract/activity.ts";
import { isTailwakeError } from "../../contract/error.ts";
import { epoch } from "../../contract/tail.ts";
import type { SimulatedWorld } from "./world.ts";

/** Errors that an operator may get: another writer was first, or the action does not apply. */
const expected = ["store-refused", "unknown-task", "wake-failed"] as const;

/** Draws an action of an operator, carries it out, and ignores expected errors. */
export async function operate(
  { random, story }: SimulatedWorld,
  tasks: Tasks,
  task: Task,
  upstream: string,
  mayBeEarly: () => void,
): Promise<void> {
  const acts = {
    pause: () => tasks.pause(task),
    resume: () => tasks.resume(task),
    wake: () => tasks.wake(task),
    rewind: () => tasks.rewind(task, epoch, { force: random.chance(0.5) }),
    "pause upstream": () => tasks.pauseUpstream(upstream, "simulated"),
    "resume upstream": () => tasks.resumeUpstream(upstream),
  };
  const what = random.pick([
    "pause",
    "resume",
    "resume",
    "wake",
    "wake",
    "rewind",
    "pause upstream",
    "resume upstream",
  ] as const);
  mayBeEarly();
  story.say("operator", () => `${what} ${task.activity.name} of ${JSON.stringify(task.address)}`);
  try {
    await acts[what]();
  } catch (error) {
    if (
      !expected.some((code) => isTailwakeError(error, code)) &&
      !(error instanceof Error && /^the table:/.test(error.message))
    ) {
      throw error;
    }
  }
}

/** Resumes all upstreams, and all tasks that are paused or parked. */
export async function letAllRun(tasks: Tasks, all: readonly Task[], upstreams: readonly string[]): Promise<void> {
  for (const upstream of upstreams) await tasks.resumeUpstream(upstream);
  for (const { activity, address } of all) {
    const record = await tasks.get(activity, address as never);
    if (record?.status === "paused" || record?.status === "parked") await tasks.resume({ activity, address });
  }
}
