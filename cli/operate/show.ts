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
import type { Paper } from "../print/paper.ts";
import { eventLine } from "./event-line.ts";
import { findTyped } from "./find-typed.ts";
import { sayWithoutApp } from "./saying.ts";

const maxViewLines = 40;
/** How long the stream may take. */
const readingMaxAgeMs = 15_000;

export const show = deskCommand({
  name: "show",
  words: "TASK",
  says: "one task: why, its tail and how far it is behind, the event that fails, the view, the last runs",
  options: {},
  async run({ words, deployment, json, terminal }) {
    const { desk } = deployment;
    const { record, name } = await findTyped(desk, words[0]);
    const check = await desk.check(record);
    const signal = AbortSignal.any([terminal.stopping, AbortSignal.timeout(readingMaxAgeMs)]);
    const [lag, failing] = deployment.app
      ? await Promise.all([orError(desk.lag(record, signal)), orError(failingEvent(desk, check, signal))])
      : [undefined, undefined];
    const { paper } = terminal;
    if (json) {
      const { record: _, ...rest } = check;
      paper.json({ task: name, status: statusOf(record), ...rest, lag, failing, record });
      return 0;
    }
    paper.line(name, "bold");
    paper.line(check.why.sentence);
    sayWithoutApp(deployment, terminal, "the stream cannot be looked at");
    paper.line();
    printRecord(paper, desk, check, lag, failing);
    printView(paper, check.view);
    printRuns(paper, check.runs, desk.ports.clock.now());
    return 0;
  },
});

type OrError<T> = T | { readonly error: string };

/** A server that does not answer is no reason to show nothing. */
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
  paper: Paper,
  desk: Desk,
  { record, why, tailMadeAt }: TaskDetails,
  lag: OrError<Lag> | undefined,
  failing: Awaited<ReturnType<typeof failingEvent>> | OrError<undefined>,
): void {
  const now = desk.ports.clock.now();
  const { error, intervention, waiters } = record;
  const time = (ms: number | undefined) => (ms === undefined ? undefined : at(ms, now));
  const counters = {
    attempts: record.attempts,
    strikes: record.strikes,
    wakes: record.wakeCount,
    rescues: record.rescues,
  };
  const counted = Object.entries(counters).filter(([, count]) => count > 0);
  paper.pairs([
    ["status", record.paused ? `paused (${record.status})` : record.status],
    ["engine", desk.bindingOf(record)?.engine ?? `${record.engine}, when it last ran`],
    [
      "address",
      Object.entries(record.address)
        .map(([key, value]) => `${key}=${value}`)
        .join(" "),
    ],
    ["tail", tailMadeAt === undefined ? record.tail : `${record.tail}, made ${time(tailMadeAt)}`],
    ["stream", lag && lagWords(lag)],
    ["next", time(why.next)],
    ["due", time(record.due)],
    ["fence", `${record.fence}`],
    ["counts", counted.length > 0 ? counted.map(([name, count]) => `${name} ${count}`).join(", ") : undefined],
    ["last error", error && `${ago(error.at, now)}, after event ${error.afterEvent}: ${error.message}`],
    ["it fails at", failing && ("error" in failing ? `not known: ${failing.error}` : eventLine(failing))],
    ["waiters", waiters?.join(", ")],
    [
      "operator",
      intervention &&
        `${intervention.action} ${ago(intervention.at, now)} by ${intervention.by}: ${intervention.reason}`,
    ],
    ["started", time(record.startedAt)],
  ]);
}

function lagWords(lag: OrError<Lag>): string {
  if ("error" in lag) return `cannot be read: ${lag.error}`;
  if (lag.more) return `more than ${lag.events} events after the tail`;
  return lag.events === 0 ? "nothing after the tail" : `${lag.events} events after the tail, the last is ${lag.head}`;
}

function printView(paper: Paper, view: string | undefined): void {
  if (view === undefined) return;
  const lines = prettyJson(view).split("\n");
  paper.heading("View");
  paper.block(lines.slice(0, maxViewLines).join("\n"), "  ");
  if (lines.length > maxViewLines) paper.line(`  … ${lines.length - maxViewLines} lines more, with --json`, "dim");
}

/** What a later version has stored may be something else. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

function printRuns(paper: Paper, runs: readonly RecentRun[], now: number): void {
  if (runs.length === 0) return;
  paper.heading("Last runs");
  paper.table(
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
  for (const gap of gapsIn(runs)) paper.line(gap, "dim");
}

/** Numbers between two runs that no run has left: each was killed or fenced out, or an operator acted. */
function gapsIn(runs: readonly RecentRun[]): string[] {
  return runs.flatMap(({ fence }, index) => {
    const before = runs[index + 1];
    const missing = before === undefined ? 0 : fence - before.fence - 1;
    if (missing <= 0) return [];
    const numbers = missing === 1 ? `Run ${fence - 1}` : `Runs ${fence - missing} to ${fence - 1}`;
    return [`${numbers} left nothing: killed, fenced out, or an operator's act, which takes a number too.`];
  });
}
