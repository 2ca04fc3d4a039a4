import { ago, at, type Engines, isFree, type Overview, span } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import type { Paper } from "../print/paper.ts";
import { sayWithoutApp } from "./saying.ts";

const styles = { ok: "green", attention: "yellow", stuck: "red" } as const;

export const status = deskCommand({
  name: "status",
  words: "",
  says: "is anything stuck, and is it us or the upstream: counts, the oldest overdue, errors; reads the whole table",
  options: {},
  async run({ deployment, json, terminal }) {
    const { paper } = terminal;
    const { desk, title } = deployment;
    const [overview, engines] = await Promise.all([desk.overview(), desk.engines()]);
    const { queueAge, leaders } = engines;
    if (json) paper.json({ deployment: title, ...overview, queueAge, leaders });
    else {
      paper.line(overview.verdict.sentence, styles[overview.verdict.level]);
      sayWithoutApp(deployment, terminal, "upstreams and breakers are not known");
      printOverview(paper, overview, engines);
    }
    return overview.verdict.level === "ok" ? 0 : 3;
  },
});

function printOverview(paper: Paper, overview: Overview, { queueAge, leaders }: Engines): void {
  const { at: now, oldestOverdue, overdue, lastTick, tasks, byStatus, runs, unreadable } = overview;
  const counts = Object.entries(byStatus).map(([name, count]) => `${count} ${name}`);
  paper.line();
  paper.pairs([
    ["tasks", tasks === 0 ? "none" : `${tasks}: ${counts.join(", ")}`],
    ["runs", `${runs} so far`],
    ["overdue", oldestOverdue && `${overdue}, the oldest ${oldestOverdue.task}, due ${at(oldestOverdue.due, now)}`],
    ["last tick", lastTick ? ago(lastTick.at, now) : "none"],
    ["queue", queueAge && `was late by ${span(queueAge.ageMs)} ${ago(queueAge.at, now)}`],
    ["not readable", unreadable.length > 0 ? `${unreadable.length}: ${unreadable[0]}` : undefined],
    ...leaders.map(({ name, state }) => {
      const held = isFree(state, now) ? "held by nobody" : `held, alive until ${at(state?.aliveUntil, now)}`;
      return [`leader ${name}`, held] as const;
    }),
  ]);
  printActivities(paper, overview);
  if (overview.upstreams.length > 0) {
    paper.heading("Upstreams");
    paper.table(
      [{ title: "UPSTREAM" }, { title: "BREAKER" }, { title: "TRIED AGAIN" }, { title: "WHY", cut: true }],
      overview.upstreams.map(({ name, breaker }) => [
        name,
        breaker.paused ? "paused" : breaker.state,
        breaker.state === "open" ? at(breaker.until, now) : "",
        breaker.paused?.reason ?? breaker.reason ?? "",
      ]),
    );
  }
  if (overview.errors.length > 0) {
    paper.heading("Errors, alike ones together");
    paper.table(
      [{ title: "TASKS", right: true }, { title: "LAST" }, { title: "ERROR", cut: true }, { title: "ONE OF THEM" }],
      overview.errors
        .slice(0, 10)
        .map(({ tasks: of, lastAt, message, example }) => [`${of}`, ago(lastAt, now), message, example]),
    );
  }
}

function printActivities(paper: Paper, { byActivity, byStatus }: Overview): void {
  if (byActivity.length === 0) return;
  const there = Object.keys(byStatus).sort();
  paper.heading("Activities");
  paper.table(
    [
      { title: "ACTIVITY" },
      { title: "TASKS", right: true },
      ...there.map((name) => ({ title: name.toUpperCase(), right: true })),
    ],
    byActivity.map(({ activity, tasks, byStatus: of }) => [
      activity,
      `${tasks}`,
      ...there.map((name) => `${of[name] ?? ""}`),
    ]),
  );
}
