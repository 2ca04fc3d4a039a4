import { rehearse, statusOf } from "tailwake/operate";
import { type Command, type DeskCall, deskCommand, type ExitCode } from "../command.ts";
import { UsageError } from "../usage-error.ts";
import { actInBulk, rateOption } from "./bulk.ts";
import { findTask } from "./find-task.ts";
import { dryRunOption, noteOf, noteOptions } from "./options.ts";
import { printRehearsal } from "./rehearsal.ts";

const options = {
  activity: { value: "NAME", description: "all tasks of an activity" },
  upstream: { value: "NAME", description: "all tasks of an upstream; news is kept" },
  ...rateOption,
  ...noteOptions,
  ...dryRunOption,
} as const;

export const pause = pausing("pause", "keep a task, or all tasks of an activity or upstream, from running");
export const resume = pausing("resume", "let paused or parked tasks run again");

function pausing(action: "pause" | "resume", description: string): Command {
  return deskCommand({
    name: action,
    positionals: "[TASK]",
    description,
    options,
    async run(call) {
      const { activity, upstream } = call.values;
      const [task] = call.positionals;
      if ([task, activity, upstream].filter((one) => one !== undefined).length !== 1) {
        throw new UsageError(`${action}: expected one of TASK, --activity and --upstream`);
      }
      if (activity !== undefined) return actInBulk(action, { activity }, call, () => noteOf(call));
      if (upstream !== undefined) return ofUpstream(action, upstream, call);
      return ofTask(action, task, call);
    },
  });
}

type PausingCall = DeskCall<typeof options>;

async function ofTask(action: "pause" | "resume", typed: string | undefined, call: PausingCall): Promise<ExitCode> {
  const { deployment, json, values, terminal } = call;
  const { desk } = deployment;
  const { record, name } = await findTask(desk, typed);
  const before = statusOf(record);
  const note = await noteOf(call);
  const { stdout } = terminal;
  if (values["dry-run"]) {
    const rehearsal = await rehearse(desk, record, (operators) => operators[action](record, note));
    if (json) stdout.json({ task: name, action, before, dryRun: true, ...rehearsal });
    else printRehearsal(stdout, `${action} ${name}, which is ${before}`, rehearsal);
    return 0;
  }
  const after = statusOf(await desk.operators[action](record, note));
  if (json) stdout.json({ task: name, action, before, after, dryRun: false });
  else stdout.line(`${name} was ${before}, and is ${after}`);
  return 0;
}

async function ofUpstream(action: "pause" | "resume", upstream: string, call: PausingCall): Promise<ExitCode> {
  const { deployment, json, values, terminal } = call;
  const { desk } = deployment;
  await desk.checkUpstream(upstream);
  const dry = values["dry-run"] === true;
  if (!dry) {
    const note = await noteOf(call);
    if (action === "pause") await desk.operators.pauseUpstream(upstream, note);
    else await desk.operators.resumeUpstream(upstream, note);
  }
  if (json) terminal.stdout.json({ upstream, action, dryRun: dry });
  else if (dry) terminal.stdout.line(`would ${action} upstream ${upstream}`);
  else if (action === "pause") terminal.stdout.line(`upstream ${upstream} is paused; functions notice within 5 s`);
  else terminal.stdout.line(`upstream ${upstream} is resumed; its tasks run as they come due, the last within 5 min`);
  return 0;
}
