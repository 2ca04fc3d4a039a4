import { describeError, type RecordedCall, type Replay, replay as replayTask } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import { appOfDeployment } from "../deployment/connect.ts";
import type { Output } from "../print/output.ts";
import { printableJson } from "../print/printable.ts";
import { UsageError } from "../usage-error.ts";
import { findTask } from "./find-task.ts";
import { linesThatDiffer } from "./line-diff.ts";
import { countOf } from "./options.ts";
import { parseTail } from "./rewind.ts";
import { prettyJson } from "./show.ts";

export const replay = deskCommand({
  name: "replay",
  positionals: "TASK",
  description: "run the local code on the real stream, but hold back its writes, wakes and calls",
  options: {
    dry: { description: "required; to process events again, use rewind" },
    from: {
      value: "TAIL",
      description: "event, time or epoch to start from, with an empty view; default: the stored tail and view",
    },
    send: {
      value: "METHODS",
      description: "methods to call, since they only read: package.Service/Method, separated by commas",
    },
    seconds: { value: "N", description: "time until the run hands over; default: 60" },
  },
  async run(call) {
    const { positionals, values, deployment, json, terminal } = call;
    const { stdout, stderr, stopping } = terminal;
    if (!values.dry) throw new UsageError("replay: expected --dry");
    appOfDeployment(deployment);
    const { desk } = deployment;
    const seconds = countOf("seconds", values.seconds, 60, 900);
    const { record, name } = await findTask(desk, positionals[0]);
    const from = values.from === undefined ? undefined : await parseTail(call, record, values.from);
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(seconds * 1000)]);
    const send = values.send?.split(",") ?? [];
    stderr.line("Only run.client and run.start are held back. Other side effects of the code happen.", "dim");
    const done = await replayTask(desk.ports, record, { from, send, signal });
    if (json) stdout.json({ task: name, ...done, outcome: { ...done.outcome, ...errorOf(done) } });
    else print(stdout, name, done, desk.ports.clock.now());
    return 0;
  },
});

const errorOf = ({ outcome }: Replay) => (outcome.type === "retry" ? { error: describeError(outcome.error) } : {});

function print(stdout: Output, name: string, done: Replay, now: number): void {
  const { outcome, before, after, events, calls, started, log } = done;
  const { error } = errorOf(done);
  const result = outcome.type === "silentRetryAfter" ? `${outcome.type} ${outcome.at.toISOString()}` : outcome.type;
  stdout.line(`${name} would end with ${result}${error === undefined ? "" : `: ${error}`}`, "bold");
  stdout.pairs([
    ["events", `${events}`],
    ["tail", before.tail === after.tail ? `stays ${before.tail}` : `${before.tail} -> ${after.tail}`],
    ["status", after.status],
    ["next run", after.notBefore === undefined ? undefined : `in ${Math.round((after.notBefore - now) / 1000)} s`],
  ]);
  printCalls(stdout, calls);
  if (started.length > 0) stdout.heading("Children it would start");
  for (const { activity, address } of started) stdout.line(`${activity} ${printableJson(address)}`);
  printViews(stdout, done);
  if (log.length > 0) stdout.heading("Log");
  for (const { level, message, fields } of log) stdout.line(`${level} ${message} ${printableJson(plain(fields))}`);
}

function printCalls(stdout: Output, calls: readonly RecordedCall[]): void {
  if (calls.length === 0) return;
  stdout.heading("Calls");
  for (const { method, request, sent } of calls) {
    stdout.line(`${sent ? "sent    " : "not sent"}  ${method} ${request === undefined ? "" : printableJson(request)}`);
  }
  const last = calls.at(-1);
  if (last && !last.sent) stdout.line("A call that is not sent fails, so the code after it may not have run.", "dim");
}

function printViews(stdout: Output, { viewBefore, viewAfter }: Replay): void {
  if (viewBefore === viewAfter) return;
  stdout.heading("View");
  for (const line of linesThatDiffer(prettyJson(viewBefore ?? ""), prettyJson(viewAfter ?? ""))) {
    stdout.line(line, line.startsWith("-") ? "red" : "green");
  }
}

/** Errors and bigints in the fields of a log line have no JSON form. */
const plain = (fields: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? describeError(value) : typeof value === "bigint" ? value.toString() : value,
    ]),
  );
