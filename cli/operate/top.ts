import { ago, type Desk, overdueMs, statusOf, type TaskRecord, taskName } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import type { Output } from "../print/output.ts";

const everyMs = 2_000;
const maxRows = 10;

/** The part of the table that is compared with the next read. */
interface Snapshot {
  readonly at: number;
  readonly fences: ReadonlyMap<string, number>;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Overdue tasks and those that wait for another attempt, the earliest due first. */
  readonly late: readonly {
    readonly task: string;
    readonly status: string;
    readonly due: number;
    readonly error: string;
  }[];
  readonly overdue: number;
}

/** The changes between two snapshots. */
interface Frame {
  readonly at: number;
  readonly runsPerSecond: number;
  readonly byStatus: Snapshot["byStatus"];
  readonly overdue: number;
  readonly busiest: readonly { readonly task: string; readonly runs: number }[];
  readonly late: Snapshot["late"];
}

export const top = deskCommand({
  name: "top",
  positionals: "",
  description: "show runs per second, busiest tasks, retrying and overdue tasks; read the whole table every 2 s",
  options: { once: { description: "print the changes of one interval and exit" } },
  async run({ values, deployment, json, terminal }) {
    const { desk } = deployment;
    const { stdout, stopping } = terminal;
    const { clock } = desk.ports;
    const screen = json || values.once ? undefined : terminal.openScreen();
    try {
      for (let before = await readSnapshot(desk); ; ) {
        await clock.sleep(everyMs, stopping);
        if (stopping.aborted) return 0;
        const after = await readSnapshot(desk);
        const frame = frameOf(before, after);
        before = after;
        if (json) stdout.json(frame);
        else if (screen) screen.redraw(() => print(stdout, frame));
        else print(stdout, frame);
        if (values.once) return 0;
      }
    } finally {
      screen?.close();
    }
  },
});

async function readSnapshot(desk: Desk): Promise<Snapshot> {
  const fences = new Map<string, number>();
  const byStatus: Record<string, number> = {};
  const late: TaskRecord[] = [];
  const now = desk.ports.clock.now();
  let overdue = 0;
  for await (const record of desk.list()) {
    fences.set(taskName(record), record.fence);
    const status = statusOf(record);
    byStatus[status] = (byStatus[status] ?? 0) + 1;
    const { due } = record;
    const isOverdue = due !== undefined && due + overdueMs < now && !record.paused;
    if (isOverdue) overdue++;
    if (isOverdue || status === "retrying") late.push(record);
  }
  const rows = late.map((record) => ({
    task: taskName(record),
    status: statusOf(record),
    due: record.notBefore ?? record.due ?? now,
    error: record.error?.message ?? "",
  }));
  return { at: now, fences, byStatus, overdue, late: rows.sort((a, b) => a.due - b.due).slice(0, maxRows) };
}

function frameOf(before: Snapshot, after: Snapshot): Frame {
  const ran = [...after.fences].map(([task, fence]) => ({ task, runs: fence - (before.fences.get(task) ?? 0) }));
  const runs = ran.reduce((sum, one) => sum + one.runs, 0);
  const busiest = ran.filter((one) => one.runs > 0).sort((a, b) => b.runs - a.runs || a.task.localeCompare(b.task));
  const { at, byStatus, overdue, late } = after;
  const runsPerSecond = Math.round((runs * 10_000) / Math.max(1, at - before.at)) / 10;
  return { at, runsPerSecond, byStatus, overdue, busiest: busiest.slice(0, maxRows), late };
}

function print(stdout: Output, { at, runsPerSecond, byStatus, overdue, busiest, late }: Frame): void {
  const counts = Object.entries(byStatus).map(([name, count]) => `${count} ${name}`);
  stdout.line(`${new Date(at).toISOString()}  ${runsPerSecond} runs/s  ${overdue} overdue`, "bold");
  stdout.line(counts.join(", ") || "no tasks");
  if (busiest.length > 0) {
    stdout.heading("Busiest");
    stdout.table(
      [{ title: "RUNS", right: true }, { title: "TASK" }],
      busiest.map(({ task, runs }) => [`${runs}`, task]),
    );
  }
  if (late.length > 0) {
    stdout.heading("Retrying or overdue");
    stdout.table(
      [{ title: "TASK" }, { title: "STATUS" }, { title: "DUE" }, { title: "LAST ERROR", cut: true }],
      late.map(({ task, status, due, error }) => [task, status, ago(due, at), error]),
    );
  }
}
