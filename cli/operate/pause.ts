import { rehearse, statusOf } from "tailwake/operate";
import { type Command, type DeskCall, deskCommand, type ExitCode } from "../command.ts";
import { UsageError } from "../usage-error.ts";
import { findTyped } from "./find-typed.ts";
import { actOnMany, rateOption } from "./many.ts";
import { printRehearsal } from "./rehearsal.ts";
import { dryRunOption, noteOf, noteOptions } from "./saying.ts";

const options = {
  activity: { value: "NAME", says: "all tasks of an activity" },
  upstream: { value: "NAME", says: "an upstream: none of its tasks runs meanwhile, and news is kept" },
  ...rateOption,
  ...noteOptions,
  ...dryRunOption,
} as const;

export const pause = pausing("pause", "keeps a task, all of an activity, or all of an upstream from running");
export const resume = pausing("resume", "lets what is paused, or a parked task, run again");

function pausing(action: "pause" | "resume", says: string): Command {
  return deskCommand({
    name: action,
    words: "[TASK]",
    says,
    options,
    async run(call) {
      const { activity, upstream } = call.values;
      const [task] = call.words;
      if ([task, activity, upstream].filter((one) => one !== undefined).length !== 1) {
        throw new UsageError(`${action}: expected one of TASK, --activity and --upstream`);
      }
      if (activity !== undefined) return actOnMany(action, { activity }, call, () => noteOf(call));
      if (upstream !== undefined) return ofUpstream(action, upstream, call);
      return ofTask(action, task, call);
    },
  });
}

type PausingCall = DeskCall<typeof options>;

async function ofTask(action: "pause" | "resume", typed: string | undefined, call: PausingCall): Promise<ExitCode> {
  const { deployment, json, values, terminal } = call;
  const { desk } = deployment;
  const { record, name } = await findTyped(desk, typed);
  const before = statusOf(record);
  const note = await noteOf(call);
  const { paper } = terminal;
  if (values["dry-run"]) {
    const rehearsal = await rehearse(desk, record, (operators) => operators[action](record, note));
    if (json) paper.json({ task: name, action, before, dryRun: true, ...rehearsal });
    else printRehearsal(paper, `${action} ${name}, which is ${before}`, rehearsal);
    return 0;
  }
  const after = statusOf(await desk.operators[action](record, note));
  if (json) paper.json({ task: name, action, before, after, dryRun: false });
  else paper.line(`${name} was ${before}, and is ${after}`);
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
  if (json) terminal.paper.json({ upstream, action, dryRun: dry });
  else if (dry) terminal.paper.line(`would ${action} upstream ${upstream}`);
  else if (action === "pause") terminal.paper.line(`upstream ${upstream} is paused; functions notice within 5 s`);
  else terminal.paper.line(`upstream ${upstream} is resumed; its tasks run as they come due, the last within 5 min`);
  return 0;
}
