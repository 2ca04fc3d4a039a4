import { deskCommand } from "../command.ts";
import { findTyped } from "./find-typed.ts";
import { sayWithoutApp } from "./saying.ts";

export const why = deskCommand({
  name: "why",
  words: "TASK",
  says: "one sentence: why is it not running now",
  options: {},
  async run({ words, deployment, json, terminal }) {
    const { desk } = deployment;
    const { record, name } = await findTyped(desk, words[0]);
    const { why: found } = await desk.check(record);
    if (json) terminal.paper.json({ task: name, ...found });
    else {
      terminal.paper.line(`${name}: ${found.sentence}`);
      sayWithoutApp(deployment, terminal, "it is not known whether its upstream is out");
    }
    return found.needsOperator ? 3 : 0;
  },
});
