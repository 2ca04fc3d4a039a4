import { rehearse, statusOf } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import { findTask } from "./find-task.ts";
import { dryRunOption } from "./options.ts";
import { printRehearsal } from "./rehearsal.ts";

export const wake = deskCommand({
  name: "wake",
  positionals: "TASK",
  description: "run a task now, even if it sleeps or waits for a retry",
  options: dryRunOption,
  async run({ positionals, values, deployment, json, terminal: { stdout } }) {
    const { desk } = deployment;
    const { record, name } = await findTask(desk, positionals[0]);
    const dry = values["dry-run"] === true;
    const status = statusOf(record);
    const isRefused = ["completed", "parked", "paused"].includes(status);
    if (isRefused) throw new Error(`${name}: expected a task that a wake can run, received one that is ${status}`);
    if (dry) {
      const rehearsal = await rehearse(desk, record, (operators) => operators.wake(record));
      if (json) stdout.json({ task: name, status, dryRun: true, ...rehearsal });
      else printRehearsal(stdout, `wake ${name}, which is ${status}`, rehearsal);
      return 0;
    }
    await desk.operators.wake(record);
    if (json) stdout.json({ task: name, status, dryRun: false });
    else stdout.line(`${name} was woken`);
    return 0;
  },
});
