import { ago, at, type Engines, isFree, type Overview, span } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import type { Output } from "../print/output.ts";
import { printWithoutApp } from "./options.ts";

const styles = { ok: "green", attention: "yellow", stuck: "red" } as const;

export const status = deskCommand({
  name: "status",
  positionals: "",
  description:
    "say whether anything is stuck and whether an upstream is the cause: counts, oldest overdue task, errors; read the whole table",
  options: {},
  async run({ deployment, json, terminal }) {
    const { stdout } = terminal;
    const { desk, title } = deployment;
    const [overview, engines] = await Promise.all([desk.overview(), desk.engines()]);
    const { lateQueues, leaders } = engines;
    if (json) stdout.json({ deployment: title, ...overview, lateQueues, leaders });
    else {
      stdout.line(overview.verdict.sentence, styles[overview.verdict.level]);
      printWithoutApp(deployment, terminal, "upstreams and breakers are not known");
      printOverview(stdout, overview, engines);
    }
    return overview.verdict.level === "ok" ? 0 : 3;
  },
});

function printOverview(stdout: Output, overview: Overview, { lateQueues, leaders }: Engines): void {
  const { at: now, oldestOverdue, overdue, lastTick, tasks, byStatus, runs, unreadable } = overview;
  const counts = Object.entries(byStatus).map(([name, count]) => `${count} ${name}`);
  stdout.line();
  stdout.pairs([
    ["tasks", tasks === 0 ? "none" : `${tasks}: ${counts.join(", ")}`],
    ["runs", `${runs} so far`],
    ["overdue", oldestOverdue && `${overdue}, the oldest ${oldestOverdue.task}, due ${at(oldestOverdue.due, now)}`],
    ["last tick", lastTick ? ago(lastTick.at, now) : "none"],
    ...lateQueues.map(
      ({ queue, ageMs, at: seenAt }) => [`queue ${queue}`, `${span(ageMs)} late, ${ago(seenAt, now)}`] as const,
    ),
    ["unreadable", unreadable.length > 0 ? `${unreadable.length}: ${unreadable[0]}` : undefined],
    ...leaders.map(({ name, state }) => {
      const text = isFree(state, now) ? "none" : `alive until ${at(state?.aliveUntil, now)}`;
      return [`leader ${name}`, text] as const;
    }),
  ]);
  printActivities(stdout, overview);
  if (overview.upstreams.length > 0) {
    stdout.heading("Upstreams");
    stdout.table(
      [{ title: "UPSTREAM" }, { title: "BREAKER" }, { title: "NEXT TRIAL" }, { title: "REASON", cut: true }],
      overview.upstreams.map(({ name, breaker }) => [
        name,
        breaker.paused ? "paused" : breaker.state,
        breaker.state === "open" ? at(breaker.until, now) : "",
        breaker.paused?.reason ?? breaker.reason ?? "",
      ]),
    );
  }
  if (overview.errors.length > 0) {
    stdout.heading("Errors, grouped");
    stdout.table(
      [{ title: "TASKS", right: true }, { title: "LAST" }, { title: "ERROR", cut: true }, { title: "EXAMPLE" }],
      overview.errors
        .slice(0, 10)
        .map(({ tasks: of, lastAt, message, example }) => [`${of}`, ago(lastAt, now), message, example]),
    );
  }
}

function printActivities(stdout: Output, { byActivity, byStatus }: Overview): void {
  if (byActivity.length === 0) return;
  const statuses = Object.keys(byStatus).sort();
  stdout.heading("Activities");
  stdout.table(
    [
      { title: "ACTIVITY" },
      { title: "TASKS", right: true },
      ...statuses.map((name) => ({ title: name.toUpperCase(), right: true })),
    ],
    byActivity.map(({ activity, tasks, byStatus: of }) => [
      activity,
      `${tasks}`,
      ...statuses.map((name) => `${of[name] ?? ""}`),
    ]),
  );
}
