import {
  ago,
  at,
  type Desk,
  describeError,
  type Lag,
  type RecentRun,
  span,
  statusOf,
  type TaskDetails,
} from "tailwake/operate";
import { deskCommand } from "../command.ts";
import type { Output } from "../print/output.ts";
import { eventLine } from "./event-line.ts";
import { findTask } from "./find-task.ts";
import { printWithoutApp } from "./options.ts";

const maxViewLines = 40;
/** Maximum time to read the stream. */
const readTimeoutMs = 15_000;

export const show = deskCommand({
  name: "show",
  positionals: "TASK",
  description: "show one task: why it is not running, its tail and lag, the failing event, its view and last runs",
  options: {},
  async run({ positionals, deployment, json, terminal }) {
    const { desk } = deployment;
    const { record, name } = await findTask(desk, positionals[0]);
    const check = await desk.check(record);
    const signal = AbortSignal.any([terminal.stopping, AbortSignal.timeout(readTimeoutMs)]);
    const [lag, failing] = deployment.app
      ? await Promise.all([orError(desk.lag(record, signal)), orError(failingEvent(desk, check, signal))])
      : [undefined, undefined];
    const { stdout } = terminal;
    if (json) {
      const { record: _, ...rest } = check;
      stdout.json({ task: name, status: statusOf(record), ...rest, lag, failing, record });
      return 0;
    }
    stdout.line(name, "bold");
    stdout.line(check.why.sentence);
    printWithoutApp(deployment, terminal, "the stream cannot be read");
    stdout.line();
    printRecord(stdout, desk, check, lag, failing);
    printView(stdout, check.view);
    printRuns(stdout, check.runs, desk.ports.clock.now());
    return 0;
  },
});

type OrError<T> = T | { readonly error: string };

/** If the server does not answer, show the rest. */
const orError = <T>(promise: Promise<T>): Promise<OrError<T>> =>
  promise.catch((error: unknown) => ({ error: describeError(error) }));

/** The event after the one that the last error names; undefined if there is no error or no such event. */
async function failingEvent(desk: Desk, { record }: TaskDetails, signal: AbortSignal) {
  if (!record.error) return undefined;
  const after = { ...record, tail: record.error.afterEvent };
  for await (const { id, at: madeAt, json } of desk.events(after, { follow: false, signal })) {
    return { id, at: madeAt, event: json() };
  }
  return undefined;
}

function printRecord(
  stdout: Output,
  desk: Desk,
  { record, why, tailMadeAt, waiters }: TaskDetails,
  lag: OrError<Lag> | undefined,
  failing: Awaited<ReturnType<typeof failingEvent>> | OrError<undefined>,
): void {
  const now = desk.ports.clock.now();
  const { error, intervention } = record;
  const time = (ms: number | undefined) => (ms === undefined ? undefined : at(ms, now));
  const counters = {
    attempts: record.attempts,
    strikes: record.strikes,
    wakes: record.wakeCount,
    rescues: record.rescues,
  };
  const counted = Object.entries(counters).filter(([, count]) => count > 0);
  stdout.pairs([
    ["status", record.paused ? `paused (${record.status})` : record.status],
    ["engine", desk.bindingOf(record)?.engine ?? `${record.engine}, as of its last run`],
    [
      "address",
      Object.entries(record.address)
        .map(([key, value]) => `${key}=${value}`)
        .join(" "),
    ],
    ["tail", tailMadeAt === undefined ? record.tail : `${record.tail}, made ${time(tailMadeAt)}`],
    ["stream", lag && lagText(lag)],
    ["next", time(why.next)],
    ["due", time(record.due)],
    ["fence", `${record.fence}`],
    ["counts", counted.length > 0 ? counted.map(([name, count]) => `${name} ${count}`).join(", ") : undefined],
    ["last error", error && `${ago(error.at, now)}, after event ${error.afterEvent}: ${error.message}`],
    ["it fails at", failing && ("error" in failing ? `unknown: ${failing.error}` : eventLine(failing))],
    ["waiters", waiters.length > 0 ? waiters.join(", ") : undefined],
    [
      "operator",
      intervention &&
        `${intervention.action} ${ago(intervention.at, now)} by ${intervention.by}: ${intervention.reason}`,
    ],
    ["started", time(record.startedAt)],
  ]);
}

function lagText(lag: OrError<Lag>): string {
  if ("error" in lag) return `cannot be read: ${lag.error}`;
  if (lag.more) return `more than ${lag.events} events after the tail`;
  return lag.events === 0 ? "nothing after the tail" : `${lag.events} events after the tail, the last is ${lag.head}`;
}

function printView(stdout: Output, view: string | undefined): void {
  if (view === undefined) return;
  const lines = prettyJson(view).split("\n");
  stdout.heading("View");
  stdout.block(lines.slice(0, maxViewLines).join("\n"), "  ");
  if (lines.length > maxViewLines) stdout.line(`  … ${lines.length - maxViewLines} more lines, with --json`, "dim");
}

/** A later version may have stored something other than JSON. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

function printRuns(stdout: Output, runs: readonly RecentRun[], now: number): void {
  if (runs.length === 0) return;
  stdout.heading("Last runs");
  stdout.table(
    [
      { title: "RUN", right: true },
      { title: "BEGAN" },
      { title: "TOOK", right: true },
      { title: "EVENTS", right: true },
      { title: "WOKEN BY" },
      { title: "OUTCOME" },
      { title: "TAIL" },
    ],
    runs.map(({ fence, startedAt, durationMs, events, wake, outcome, tail = "" }) => [
      `${fence}`,
      ago(startedAt, now),
      durationMs < 1000 ? `${durationMs} ms` : span(durationMs),
      `${events}`,
      wake,
      outcome,
      tail,
    ]),
  );
  for (const gap of gapsIn(runs)) stdout.line(gap, "dim");
}

/** The numbers between two recorded runs: those runs were killed or fenced out, or an operator acted. */
function gapsIn(runs: readonly RecentRun[]): string[] {
  return runs.flatMap(({ fence }, index) => {
    const before = runs[index + 1];
    const missing = before === undefined ? 0 : fence - before.fence - 1;
    if (missing <= 0) return [];
    const numbers = missing === 1 ? `Run ${fence - 1}` : `Runs ${fence - missing} to ${fence - 1}`;
    return [`${numbers} left no record: killed, fenced out, or an operator's action, which also takes a number.`];
  });
}
