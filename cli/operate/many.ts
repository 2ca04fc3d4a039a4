import {
  type BulkAction,
  type Filter,
  filterWords,
  inBulk,
  type Note,
  statusOf,
  taskName,
  tasksFor,
} from "tailwake/operate";
import type { DeskCall, ExitCode, Options } from "../command.ts";
import { countOf } from "./saying.ts";

export const rateOption = {
  rate: { value: "N", says: "of several, so many a second; 10 if absent" },
} as const satisfies Options;

const verbs: Readonly<Record<BulkAction, string>> = {
  retry: "resume or wake",
  pause: "pause",
  resume: "resume",
};

/** Does something to all tasks that fit a filter, with a progress bar if somebody watches. 1 if some were refused. */
export async function actOnMany(
  action: BulkAction,
  filter: Filter,
  {
    values,
    deployment,
    json,
    terminal,
  }: DeskCall<typeof rateOption & { readonly "dry-run": { readonly says: string } }>,
  noteFor: () => Promise<Note>,
): Promise<ExitCode> {
  const { desk } = deployment;
  const { paper, aside, stopping } = terminal;
  const rate = countOf("rate", values.rate, 10, 1_000);
  const tasks = await tasksFor(desk, action, filter);
  const what = filterWords(filter);
  if (values["dry-run"]) {
    const listed = tasks.map((record) => ({ task: taskName(record), status: statusOf(record) }));
    if (json) paper.json({ action, what, dryRun: true, tasks: listed });
    else {
      for (const { task, status } of listed) paper.line(`would ${verbs[action]} ${task}, which is ${status}`);
      paper.line(`${tasks.length} tasks, at ${rate} a second`);
    }
    return 0;
  }
  let gone = 0;
  const note = tasks.length > 0 ? await noteFor() : undefined;
  const report = note
    ? await inBulk(desk, action, tasks, what, {
        rate,
        note,
        signal: stopping,
        onTask(task, error) {
          gone++;
          if (terminal.isWatched) terminal.progress(bar(gone, tasks.length));
          if (error !== undefined) aside.line(`${terminal.isWatched ? " " : ""}${taskName(task)}: ${error}`, "red");
        },
      })
    : { done: 0, refused: 0 };
  if (terminal.isWatched && gone > 0) terminal.progress("");
  const left = tasks.length - gone;
  if (json) paper.json({ action, what, dryRun: false, ...report, left });
  else paper.line(`${action}: ${report.done} tasks, ${report.refused} refused`);
  if (left > 0) aside.line(`stopped, with ${left} left`, "yellow");
  return report.refused > 0 || left > 0 ? 1 : 0;
}

const barWidth = 30;

function bar(done: number, of: number): string {
  const full = Math.round((barWidth * done) / of);
  return `[${"#".repeat(full)}${"-".repeat(barWidth - full)}] ${done} of ${of}`;
}
