import { describeError, type RecordedCall, type Replay, replay as replayTask } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import { appOfDeployment } from "../deployment/connect.ts";
import type { Paper } from "../print/paper.ts";
import { printableJson } from "../print/printable.ts";
import { UsageError } from "../usage-error.ts";
import { findTyped } from "./find-typed.ts";
import { linesThatDiffer } from "./line-diff.ts";
import { tailTyped } from "./rewind.ts";
import { countOf } from "./saying.ts";
import { prettyJson } from "./show.ts";

export const replay = deskCommand({
  name: "replay",
  words: "TASK",
  says: "what would the code here do: a run over the real stream, whose writes, wakes and calls are kept back",
  options: {
    dry: { says: "has to be given: there is no other replay; rewind is for that" },
    from: { value: "TAIL", says: "an event, a time or epoch, with an empty view; the stored tail and view if absent" },
    send: { value: "METHODS", says: "package.Service/Method, joined by commas: these only read, and are called" },
    seconds: { value: "N", says: "the run is to hand over after so long; 60 if absent" },
  },
  async run(call) {
    const { words, values, deployment, json, terminal } = call;
    const { paper, aside, stopping } = terminal;
    if (!values.dry) throw new UsageError("replay: expected --dry, to say that nothing is to happen");
    appOfDeployment(deployment);
    const { desk } = deployment;
    const seconds = countOf("seconds", values.seconds, 60, 900);
    const { record, name } = await findTyped(desk, words[0]);
    const from = values.from === undefined ? undefined : await tailTyped(call, record, values.from);
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(seconds * 1000)]);
    const send = values.send?.split(",") ?? [];
    aside.line(
      "Kept back is what goes through run.client and run.start. What the code does in other ways, it does.",
      "dim",
    );
    const done = await replayTask(desk.ports, record, { from, send, signal });
    if (json) paper.json({ task: name, ...done, outcome: { ...done.outcome, ...errorOf(done) } });
    else print(paper, name, done, desk.ports.clock.now());
    return 0;
  },
});

const errorOf = ({ outcome }: Replay) => (outcome.type === "retry" ? { error: describeError(outcome.error) } : {});

function print(paper: Paper, name: string, done: Replay, now: number): void {
  const { outcome, before, after, events, calls, started, log } = done;
  const { error } = errorOf(done);
  const words = outcome.type === "silentRetryAfter" ? `${outcome.type} ${outcome.at.toISOString()}` : outcome.type;
  paper.line(`${name} would end with ${words}${error === undefined ? "" : `: ${error}`}`, "bold");
  paper.pairs([
    ["events", `${events}`],
    ["tail", before.tail === after.tail ? `stays ${before.tail}` : `${before.tail} -> ${after.tail}`],
    ["status", after.status],
    ["next run", after.notBefore === undefined ? undefined : `in ${Math.round((after.notBefore - now) / 1000)} s`],
  ]);
  printCalls(paper, calls);
  if (started.length > 0) paper.heading("Children that it would start");
  for (const { activity, address } of started) paper.line(`${activity} ${printableJson(address)}`);
  printViews(paper, done);
  if (log.length > 0) paper.heading("Log");
  for (const { level, message, fields } of log) paper.line(`${level} ${message} ${printableJson(plain(fields))}`);
}

function printCalls(paper: Paper, calls: readonly RecordedCall[]): void {
  if (calls.length === 0) return;
  paper.heading("Calls");
  for (const { method, request, sent } of calls) {
    paper.line(`${sent ? "sent    " : "not sent"}  ${method} ${request === undefined ? "" : printableJson(request)}`);
  }
  const last = calls.at(-1);
  if (last && !last.sent)
    paper.line("A call that is not sent fails: what follows it the code may not have come to.", "dim");
}

function printViews(paper: Paper, { viewBefore, viewAfter }: Replay): void {
  if (viewBefore === viewAfter) return;
  paper.heading("View");
  for (const line of linesThatDiffer(prettyJson(viewBefore ?? ""), prettyJson(viewAfter ?? ""))) {
    paper.line(line, line.startsWith("-") ? "red" : "green");
  }
}

/** Errors among the fields of a log line have no JSON. */
const plain = (fields: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? describeError(value) : typeof value === "bigint" ? value.toString() : value,
    ]),
  );
