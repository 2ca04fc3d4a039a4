import { deskCommand } from "../command.ts";
import { appOfDeployment } from "../deployment/connect.ts";
import { eventLine } from "./event-line.ts";
import { findTask } from "./find-task.ts";
import { countOf } from "./options.ts";

const defaultLimit = 100;

export const events = deskCommand({
  name: "events",
  positionals: "TASK",
  description: "print the events after the tail of a task, which it has not processed yet",
  options: {
    follow: { description: "also print new events, until Ctrl-C" },
    limit: { value: "N", description: `maximum number; default: ${defaultLimit}, no limit with --follow` },
  },
  async run({ positionals, values, deployment, json, terminal: { stdout, stderr, stopping } }) {
    appOfDeployment(deployment);
    const follow = values.follow === true;
    const limit = countOf("limit", values.limit, follow ? Number.POSITIVE_INFINITY : defaultLimit, 1_000_000);
    const { desk } = deployment;
    const { record } = await findTask(desk, positionals[0]);
    let count = 0;
    for await (const { id, at, json: eventJson } of desk.events(record, { follow, signal: stopping })) {
      if (count === limit) {
        stderr.line(`more than ${limit}: use --limit N`, "dim");
        return 0;
      }
      count++;
      const event = { id, at, event: eventJson() };
      if (json) stdout.json(event);
      else stdout.line(eventLine(event));
    }
    if (follow && !stopping.aborted) throw new Error("the server ended the stream");
    if (count === 0 && !follow) stderr.line("no event after the tail", "dim");
    return 0;
  },
});
