import { bindingNamed, rehearseStart, startAt, statusOf, taskAt } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import { appOfDeployment } from "../deployment/connect.ts";
import { UsageError } from "../usage-error.ts";
import { dryRunOption } from "./options.ts";
import { printRehearsal } from "./rehearsal.ts";

export const start = deskCommand({
  name: "start",
  positionals: "ACTIVITY KEY=VALUE…",
  description: "start a task by the address of its aggregate; do nothing if it exists",
  options: dryRunOption,
  async run({ positionals: [activity = "", ...pairs], values, deployment, json, terminal: { stdout } }) {
    const { desk } = deployment;
    appOfDeployment(deployment);
    const binding = bindingNamed(desk, activity);
    const address = addressOf(pairs);
    const { name, record } = await taskAt(desk, binding, address);
    if (record) {
      const status = statusOf(record);
      if (json) stdout.json({ task: name, status, started: false });
      else stdout.line(`${name} already exists and is ${status}`);
    } else if (values["dry-run"]) {
      const rehearsal = await rehearseStart(desk, binding, address);
      if (json) stdout.json({ task: name, dryRun: true, ...rehearsal });
      else printRehearsal(stdout, `start ${name}`, rehearsal);
    } else {
      const { record: written, started } = await startAt(desk, binding, address);
      if (json) stdout.json({ task: name, status: statusOf(written), started });
      else stdout.line(`${name} ${started ? "was started" : "was started by another caller"}`);
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
