import { deskCommand } from "../command.ts";
import { findTask } from "./find-task.ts";
import { printWithoutApp } from "./options.ts";

export const why = deskCommand({
  name: "why",
  positionals: "TASK",
  description: "say in one sentence why a task is not running now",
  options: {},
  async run({ positionals, deployment, json, terminal }) {
    const { desk } = deployment;
    const { record, name } = await findTask(desk, positionals[0]);
    const { why: found } = await desk.check(record);
    if (json) terminal.stdout.json({ task: name, ...found });
    else {
      terminal.stdout.line(`${name}: ${found.sentence}`);
      printWithoutApp(deployment, terminal, "it is not known whether its upstream is out");
    }
    return found.needsOperator ? 3 : 0;
  },
});
