import type { TaskRecord } from "../../functions/tasks/record.ts";
import { taskName } from "../../functions/tasks/record.ts";
import type { Operation } from "./operate.tsx";
import { post } from "./request.ts";

/** What can be done to a task in its state. The server decides: this is to offer nothing that it refuses. */
export function operationsOf(record: TaskRecord): readonly Operation[] {
  const { status, paused, viewVersion } = record;
  if (status === "completed") return [];
  const task = taskName(record);
  const isHeld = paused || status === "parked";
  return [
    ...(isHeld || status === "running" ? [] : [wake(task)]),
    ...(paused ? [] : [pause(task)]),
    ...(isHeld ? [resume(task)] : []),
    rewind(task, status === "running"),
    ...(viewVersion === undefined ? [skipTo(task, status === "running")] : []),
  ];
}

const wake = (task: string): Operation => ({
  verb: "Wake",
  says: "It runs now, though it sleeps or waits for a retry.",
  reason: false,
  run: () => post("task/wake", { task }),
});

const pause = (task: string): Operation => ({
  verb: "Pause",
  says: "No run of it begins until it is resumed. A run that is under way goes on to its end. News is kept.",
  reason: true,
  run: ({ reason }) => post("task/pause", { task, reason }),
});

const resume = (task: string): Operation => ({
  verb: "Resume",
  says: "It may run again, and does if it has something to do. Its attempts and strikes are counted from 0.",
  reason: true,
  run: ({ reason }) => post("task/resume", { task, reason }),
});

const rewind = (task: string, force: boolean): Operation => ({
  verb: "Rewind",
  says: "The tail is moved back and the view emptied: events are processed again, and side effects happen again.",
  reason: true,
  tail: "epoch",
  force,
  grave: true,
  run: ({ reason, to, force: forced }) => post("task/rewind", { task, reason, to, force: forced }),
});

const skipTo = (task: string, force: boolean): Operation => ({
  verb: "Skip to",
  says: "The tail is moved to the event given: the activity never sees those between. The next run begins after it.",
  reason: true,
  tail: "",
  force,
  grave: true,
  run: ({ reason, to, force: forced }) => post("task/skip-to", { task, reason, to, force: forced }),
});
