import { deskCommand } from "../command.ts";
import { appOfDeployment } from "../deployment/connect.ts";
import { eventLine } from "./event-line.ts";
import { findTyped } from "./find-typed.ts";
import { countOf } from "./saying.ts";

const defaultLimit = 100;

export const events = deskCommand({
  name: "events",
  words: "TASK",
  says: "the events after the tail of a task, those that it has not processed",
  options: {
    follow: { says: "goes on with those to come, until Ctrl-C" },
    limit: { value: "N", says: `at most so many, ${defaultLimit} if absent; with --follow all` },
  },
  async run({ words, values, deployment, json, terminal: { paper, aside, stopping } }) {
    appOfDeployment(deployment);
    const follow = values.follow === true;
    const limit = countOf("limit", values.limit, follow ? Number.POSITIVE_INFINITY : defaultLimit, 1_000_000);
    const { desk } = deployment;
    const { record } = await findTyped(desk, words[0]);
    let count = 0;
    for await (const { id, at, json: eventJson } of desk.events(record, { follow, signal: stopping })) {
      if (count === limit) {
        aside.line(`there are more than ${limit}: --limit N`, "dim");
        return 0;
      }
      count++;
      const event = { id, at, event: eventJson() };
      if (json) paper.json(event);
      else paper.line(eventLine(event));
    }
    if (follow && !stopping.aborted) throw new Error("the server has ended the stream");
    if (count === 0 && !follow) aside.line("no event after the tail", "dim");
    return 0;
  },
});
