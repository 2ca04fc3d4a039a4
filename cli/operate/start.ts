import { bindingNamed, rehearseStart, startAt, statusOf, taskAt } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import { appOfDeployment } from "../deployment/connect.ts";
import { UsageError } from "../usage-error.ts";
import { printRehearsal } from "./rehearsal.ts";
import { dryRunOption } from "./saying.ts";

export const start = deskCommand({
  name: "start",
  words: "ACTIVITY KEY=VALUE…",
  says: "starts a task for an aggregate, by its address; one that is there is left alone",
  options: dryRunOption,
  async run({ words: [activity = "", ...pairs], values, deployment, json, terminal: { paper } }) {
    const { desk } = deployment;
    appOfDeployment(deployment);
    const binding = bindingNamed(desk, activity);
    const address = addressOf(pairs);
    const { name, record } = await taskAt(desk, binding, address);
    if (record) {
      const status = statusOf(record);
      if (json) paper.json({ task: name, status, started: false });
      else paper.line(`${name} is there already, and ${status}: nothing to do`);
    } else if (values["dry-run"]) {
      const rehearsal = await rehearseStart(desk, binding, address);
      if (json) paper.json({ task: name, dryRun: true, ...rehearsal });
      else printRehearsal(paper, `start ${name}`, rehearsal);
    } else {
      const { record: written, started } = await startAt(desk, binding, address);
      if (json) paper.json({ task: name, status: statusOf(written), started });
      else paper.line(`${name} ${started ? "was started" : "was started by somebody else"}`);
    }
    return 0;
  },
});

function addressOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new UsageError(`start: expected KEY=VALUE of the address, received ${pair}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
