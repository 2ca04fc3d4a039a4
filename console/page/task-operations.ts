import type { TaskRecord } from "../../functions/tasks/record.ts";
import { taskName } from "../../functions/tasks/record.ts";
import type { Operation } from "./operate.tsx";
import { post } from "./request.ts";

/** The operations that a task's state allows. The server decides; this only avoids offering refused ones. */
export function operationsOf(record: TaskRecord): readonly Operation[] {
  const { status, paused, viewVersion } = record;
  if (status === "completed") return [];
  const task = taskName(record);
  const isStopped = paused || status === "parked";
  return [
    ...(isStopped || status === "running" ? [] : [wake(task)]),
    ...(paused ? [] : [pause(task)]),
    ...(isStopped ? [resume(task)] : []),
    rewind(task, status === "running"),
    ...(viewVersion === undefined ? [skipTo(task, status === "running")] : []),
  ];
}

const wake = (task: string): Operation => ({
  verb: "Wake",
  description: "Runs the task now, even if it sleeps or waits for a retry.",
  reason: false,
  run: () => post("task/wake", { task }),
});

const pause = (task: string): Operation => ({
  verb: "Pause",
  description: "No run begins until the task is resumed. An active run finishes. News is kept.",
  reason: true,
  run: ({ reason }) => post("task/pause", { task, reason }),
});

const resume = (task: string): Operation => ({
  verb: "Resume",
  description: "Lets the task run again. Resets its attempts and strikes to 0.",
  reason: true,
  run: ({ reason }) => post("task/resume", { task, reason }),
});

const rewind = (task: string, force: boolean): Operation => ({
  verb: "Rewind",
  description: "Moves the tail and empties the view: events are processed again, and side effects happen again.",
  reason: true,
  tail: "epoch",
  force,
  isDangerous: true,
  run: ({ reason, to, force: forced }) => post("task/rewind", { task, reason, to, force: forced }),
});

const skipTo = (task: string, force: boolean): Operation => ({
  verb: "Skip to",
  description: "Moves the tail to an event: the activity never sees the events between. The next run begins after it.",
  reason: true,
  tail: "",
  force,
  isDangerous: true,
  run: ({ reason, to, force: forced }) => post("task/skip-to", { task, reason, to, force: forced }),
});
