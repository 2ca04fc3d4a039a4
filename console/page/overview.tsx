import type { Overview as Totals } from "../../functions/operate/overview.ts";
import { type Survey, statuses } from "../messages.ts";
import { Chart } from "./chart.tsx";
import type { Sample } from "./live.ts";
import { linkTo, linkToTask } from "./route.ts";
import { Status } from "./signs.tsx";
import { Table } from "./table.tsx";
import { grouped, Text, Time } from "./text.tsx";

export function Overview({ survey, samples }: { readonly survey: Survey; readonly samples: readonly Sample[] }) {
  const { overview, notCaughtUp } = survey;
  const { lastTick, oldestOverdue } = overview;
  return (
    <>
      <h1 tabIndex={-1}>Overview</h1>
      <dl class="figures">
        <Figure name="Tasks">{grouped(overview.tasks)}</Figure>
        <Figure name="Not caught up">{grouped(notCaughtUp)}</Figure>
        <Figure name="Overdue" bad={overview.overdue > 0}>
          {grouped(overview.overdue)}
          {oldestOverdue && (
            <small>
              <a href={linkToTask(oldestOverdue.task)}>
                the oldest was due <Time at={oldestOverdue.due} />
              </a>
            </small>
          )}
        </Figure>
        <Figure name="Runs so far">{grouped(overview.runs)}</Figure>
        <Figure name="Last tick">{lastTick ? <Time at={lastTick.at} /> : "none"}</Figure>
      </dl>
      <section class="panels" aria-label="While this page is open">
        <Chart
          title="Runs per second"
          samples={samples}
          value={({ runsPerSecond }) => runsPerSecond}
          summary={(last, max) => `${rate(last)} now, at most ${rate(max)}`}
        />
        <Chart
          title="Tasks not caught up"
          samples={samples}
          value={(sample) => sample.notCaughtUp}
          summary={(last, max) => `${grouped(last)} now, at most ${grouped(max)}`}
        />
      </section>
      <h2>Tasks by activity</h2>
      {overview.tasks === 0 ? (
        <p class="empty">The table has no tasks yet. A signal, a root or your code starts one.</p>
      ) : (
        <ByActivity overview={overview} />
      )}
      <h2>Errors</h2>
      <Errors errors={overview.errors} />
      {overview.unreadable.length > 0 && (
        <>
          <h2>Unreadable records</h2>
          <ul>
            {overview.unreadable.slice(0, 20).map((what) => (
              <li key={what}>
                <Text of={what} />
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

const rate = (perSecond: number): string => perSecond.toFixed(perSecond < 10 ? 1 : 0);

interface FigureProps {
  readonly name: string;
  readonly bad?: boolean;
  readonly children: preact.ComponentChildren;
}

function Figure({ name, bad = false, children }: FigureProps) {
  return (
    <div class={bad ? "bad" : undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function ByActivity({ overview: { byActivity, byStatus, tasks } }: { readonly overview: Totals }) {
  const shown = statuses.filter((status) => (byStatus[status] ?? 0) > 0);
  const columns = ["Activity", "Tasks", ...shown.map((status) => <Status key={status} of={status} />)];
  const link = (count: number | undefined, query: Readonly<Record<string, string>>) =>
    count === undefined ? "–" : <a href={linkTo("tasks", query)}>{grouped(count)}</a>;
  const cells = (counts: Totals["byStatus"], query: Readonly<Record<string, string>>) =>
    shown.map((status) => <td key={status}>{link(counts[status], { ...query, status })}</td>);
  const foot = (
    <tr>
      <th scope="row">All</th>
      <td>{link(tasks, {})}</td>
      {cells(byStatus, {})}
    </tr>
  );
  return (
    <Table label="Tasks by activity and status" class="counts" columns={columns} foot={foot}>
      {byActivity.map(({ activity: name, tasks: ofActivity, byStatus: counts }) => {
        const [kind = "", activity = ""] = name.split("/");
        return (
          <tr key={name}>
            <th scope="row">
              <Text of={name} max={120} />
            </th>
            <td>{link(ofActivity, { kind, activity })}</td>
            {cells(counts, { kind, activity })}
          </tr>
        );
      })}
    </Table>
  );
}

const maxErrors = 20;

function Errors({ errors }: { readonly errors: Totals["errors"] }) {
  if (errors.length === 0) return <p class="empty">No task has had an error since it last caught up.</p>;
  return (
    <>
      <Table label="Errors, most frequent first" columns={["Tasks", "Error", "Last", "Example"]}>
        {errors.slice(0, maxErrors).map(({ message, tasks, example, lastAt }) => (
          <tr key={message}>
            <td>
              <a href={linkTo("tasks", { error: message.replace(/…$/, ""), sort: "error" })}>{grouped(tasks)}</a>
            </td>
            <th scope="row">
              <Text of={message} />
            </th>
            <td>
              <Time at={lastAt} />
            </td>
            <td>
              <a href={linkToTask(example)}>
                <Text of={example} max={120} />
              </a>
            </td>
          </tr>
        ))}
      </Table>
      {errors.length > maxErrors && <p>{grouped(errors.length - maxErrors)} more errors are not shown.</p>}
    </>
  );
}
