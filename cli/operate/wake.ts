import { rehearse, statusOf } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import { findTyped } from "./find-typed.ts";
import { printRehearsal } from "./rehearsal.ts";
import { dryRunOption } from "./saying.ts";

export const wake = deskCommand({
  name: "wake",
  words: "TASK",
  says: "runs a task now, though it sleeps or waits for a retry",
  options: dryRunOption,
  async run({ words, values, deployment, json, terminal: { paper } }) {
    const { desk } = deployment;
    const { record, name } = await findTyped(desk, words[0]);
    const dry = values["dry-run"] === true;
    const status = statusOf(record);
    const inVain = ["completed", "parked", "paused"].includes(status);
    if (inVain) throw new Error(`${name}: expected a task that a wake can run, received one that is ${status}`);
    if (dry) {
      const rehearsal = await rehearse(desk, record, (operators) => operators.wake(record));
      if (json) paper.json({ task: name, status, dryRun: true, ...rehearsal });
      else printRehearsal(paper, `wake ${name}, which is ${status}`, rehearsal);
      return 0;
    }
    await desk.operators.wake(record);
    if (json) paper.json({ task: name, status, dryRun: false });
    else paper.line(`${name} was woken`);
    return 0;
  },
});
