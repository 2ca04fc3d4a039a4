import { type epoch, eventId } from "tailwake";
import { type Desk, type Operators, rehearse, statusOf, type TaskRecord, tailAt } from "tailwake/operate";
import { type DeskCall, deskCommand, type ExitCode } from "../command.ts";
import { appOfDeployment } from "../deployment/connect.ts";
import { UsageError } from "../usage-error.ts";
import { findTyped } from "./find-typed.ts";
import { printRehearsal } from "./rehearsal.ts";
import { dryRunOption, noteOf, noteOptions } from "./saying.ts";

type Tail = TaskRecord["tail"] | typeof epoch;

const forceOption = { force: { says: "also while it runs: what that run still does is not kept" } } as const;
const skipOptions = { ...forceOption, ...noteOptions, ...dryRunOption } as const;
const rewindOptions = {
  to: { value: "TAIL", says: "id of an event, a time as 2026-01-31T12:00:00Z, or epoch" },
  ...skipOptions,
} as const;

export const rewind = deskCommand({
  name: "rewind",
  words: "TASK",
  says: "moves a task's tail, and has it start over from there with an empty view",
  options: rewindOptions,
  async run(call) {
    const { to } = call.values;
    if (to === undefined) throw new UsageError("rewind: expected --to TAIL, a time or epoch, received none");
    const { record, name } = await findTyped(call.deployment.desk, call.words[0]);
    return move("rewind", record, name, await tailTyped(call, record, to), call);
  },
});

export const skipTo = deskCommand({
  name: "skip-to",
  words: "TASK EVENT",
  says: "moves the tail of a task without a view beyond events that cannot be processed: it goes on after EVENT",
  options: skipOptions,
  async run(call) {
    const { record, name } = await findTyped(call.deployment.desk, call.words[0]);
    return move("skip-to", record, name, await tailTyped(call, record, call.words[1] ?? ""), call);
  },
});

const iso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

/** A tail as it was typed: `epoch`, a time, or an event that the stream has, as far as that can be looked up. */
export async function tailTyped(
  { deployment, terminal }: Pick<DeskCall<Record<never, never>>, "deployment" | "terminal">,
  record: TaskRecord,
  text: string,
): Promise<Tail> {
  const { desk, withoutApp } = deployment;
  if (text === "epoch") return text;
  if (iso.test(text) && Number.isFinite(Date.parse(text))) {
    appOfDeployment(deployment);
    return tailAt(desk, record, Date.parse(text), terminal.stopping);
  }
  const tail = eventId(text);
  if (withoutApp !== undefined) terminal.aside.line(`not checked that the stream has ${tail}: ${withoutApp}`, "yellow");
  else await checkIsThere(desk, record, tail, terminal.stopping);
  return tail;
}

/** Some servers send nothing after an event that they do not know: the task would wait for ever. */
async function checkIsThere(desk: Desk, record: TaskRecord, tail: Tail, signal: AbortSignal): Promise<void> {
  for await (const { id } of desk.events({ ...record, tail: "epoch" }, { follow: false, signal })) {
    if (id === tail) return;
  }
  signal.throwIfAborted();
  throw new Error(`${tail}: expected an event of the stream, which was read to its end, received none of that id`);
}

async function move(
  action: "rewind" | "skip-to",
  record: TaskRecord,
  name: string,
  to: Tail,
  call: DeskCall<typeof skipOptions>,
): Promise<ExitCode> {
  const { deployment, values, json, terminal } = call;
  const { desk } = deployment;
  const { paper } = terminal;
  const options = { force: values.force === true, note: await noteOf(call) };
  const act = (operators: Operators) => operators[action === "rewind" ? "rewind" : "skipTo"](record, to, options);
  const move = { task: name, action, from: record.tail, to };
  if (values["dry-run"]) {
    const rehearsal = await rehearse(desk, record, act);
    if (json) paper.json({ ...move, dryRun: true, ...rehearsal });
    else printRehearsal(paper, `move the tail of ${name}, which is ${statusOf(record)}`, rehearsal);
    return 0;
  }
  await act(desk.operators);
  if (json) paper.json({ ...move, dryRun: false });
  else paper.line(`${name} goes on after ${to}; its tail was ${record.tail}`);
  return 0;
}
