import { type epoch, eventId } from "tailwake";
import { type Desk, type Operators, rehearse, statusOf, type TaskRecord, tailAt } from "tailwake/operate";
import { type DeskCall, deskCommand, type ExitCode } from "../command.ts";
import { appOfDeployment } from "../deployment/connect.ts";
import { UsageError } from "../usage-error.ts";
import { findTask } from "./find-task.ts";
import { dryRunOption, noteOf, noteOptions } from "./options.ts";
import { printRehearsal } from "./rehearsal.ts";

type Tail = TaskRecord["tail"] | typeof epoch;

const forceOption = {
  force: { description: "also while a run is active; its uncommitted work is discarded" },
} as const;
const skipOptions = { ...forceOption, ...noteOptions, ...dryRunOption } as const;
const rewindOptions = {
  to: { value: "TAIL", description: "event id, time such as 2026-01-31T12:00:00Z, or epoch" },
  ...skipOptions,
} as const;

export const rewind = deskCommand({
  name: "rewind",
  positionals: "TASK",
  description: "move a task's tail; it starts over from there with an empty view",
  options: rewindOptions,
  async run(call) {
    const { to } = call.values;
    if (to === undefined) throw new UsageError("rewind: expected --to TAIL, a time or epoch, received none");
    const { record, name } = await findTask(call.deployment.desk, call.positionals[0]);
    return move("rewind", record, name, await parseTail(call, record, to), call);
  },
});

export const skipTo = deskCommand({
  name: "skip-to",
  positionals: "TASK EVENT",
  description: "move the tail of a task without a view past events that cannot be processed, to EVENT",
  options: skipOptions,
  async run(call) {
    const { record, name } = await findTask(call.deployment.desk, call.positionals[0]);
    return move("skip-to", record, name, await parseTail(call, record, call.positionals[1] ?? ""), call);
  },
});

const iso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

/** Parses a tail: `epoch`, a time, or an event. Checks that the stream has the event, if there is an app. */
export async function parseTail(
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
  if (withoutApp !== undefined)
    terminal.stderr.line(`cannot check that the stream has ${tail}: ${withoutApp}`, "yellow");
  else await checkExists(desk, record, tail, terminal.stopping);
  return tail;
}

/** Some servers send nothing after an unknown event: the task would wait forever. */
async function checkExists(desk: Desk, record: TaskRecord, tail: Tail, signal: AbortSignal): Promise<void> {
  for await (const { id } of desk.events({ ...record, tail: "epoch" }, { follow: false, signal })) {
    if (id === tail) return;
  }
  signal.throwIfAborted();
  throw new Error(`${tail}: expected an event of the stream, but the stream has no such id`);
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
  const { stdout } = terminal;
  const options = { force: values.force === true, note: await noteOf(call) };
  const act = (operators: Operators) => operators[action === "rewind" ? "rewind" : "skipTo"](record, to, options);
  const move = { task: name, action, from: record.tail, to };
  if (values["dry-run"]) {
    const rehearsal = await rehearse(desk, record, act);
    if (json) stdout.json({ ...move, dryRun: true, ...rehearsal });
    else printRehearsal(stdout, `move the tail of ${name}, which is ${statusOf(record)}`, rehearsal);
    return 0;
  }
  await act(desk.operators);
  if (json) stdout.json({ ...move, dryRun: false });
  else stdout.line(`${name} continues after ${to}; its tail was ${record.tail}`);
  return 0;
}
