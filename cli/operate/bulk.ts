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
import { countOf } from "./options.ts";

export const rateOption = {
  rate: { value: "N", description: "tasks per second; default: 10" },
} as const satisfies Options;

const verbs: Readonly<Record<BulkAction, string>> = {
  retry: "resume or wake",
  pause: "pause",
  resume: "resume",
};

/**
 * Applies an action to all tasks that match a filter, with a progress progressBar on a terminal. Returns 1 if some were
 * refused.
 */
export async function actInBulk(
  action: BulkAction,
  filter: Filter,
  {
    values,
    deployment,
    json,
    terminal,
  }: DeskCall<typeof rateOption & { readonly "dry-run": { readonly description: string } }>,
  askNote: () => Promise<Note>,
): Promise<ExitCode> {
  const { desk } = deployment;
  const { stdout, stderr, stopping } = terminal;
  const rate = countOf("rate", values.rate, 10, 1_000);
  const tasks = await tasksFor(desk, action, filter);
  const target = filterWords(filter);
  if (values["dry-run"]) {
    const listed = tasks.map((record) => ({ task: taskName(record), status: statusOf(record) }));
    if (json) stdout.json({ action, target, dryRun: true, tasks: listed });
    else {
      for (const { task, status } of listed) stdout.line(`would ${verbs[action]} ${task}, which is ${status}`);
      stdout.line(`${tasks.length} tasks, at ${rate} per second`);
    }
    return 0;
  }
  let processed = 0;
  const note = tasks.length > 0 ? await askNote() : undefined;
  const report = note
    ? await inBulk(desk, action, tasks, target, {
        rate,
        note,
        signal: stopping,
        onTask(task, error) {
          processed++;
          if (terminal.isWatched) terminal.progress(progressBar(processed, tasks.length));
          if (error !== undefined) stderr.line(`${terminal.isWatched ? " " : ""}${taskName(task)}: ${error}`, "red");
        },
      })
    : { done: 0, refused: 0 };
  if (terminal.isWatched && processed > 0) terminal.progress("");
  const left = tasks.length - processed;
  if (json) stdout.json({ action, target, dryRun: false, ...report, left });
  else stdout.line(`${action}: ${report.done} tasks, ${report.refused} refused`);
  if (left > 0) stderr.line(`stopped, with ${left} left`, "yellow");
  return report.refused > 0 || left > 0 ? 1 : 0;
}

const barWidth = 30;

function progressBar(done: number, of: number): string {
  const full = Math.round((barWidth * done) / of);
  return `[${"#".repeat(full)}${"-".repeat(barWidth - full)}] ${done} of ${of}`;
}
