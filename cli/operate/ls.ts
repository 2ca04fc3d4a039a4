import { ago, type Desk, describeError, type Filter, statusOf, type TaskRecord, taskName } from "tailwake/operate";
import { deskCommand, type Options, type ValuesOf } from "../command.ts";
import { appOfDeployment } from "../deployment/connect.ts";
import type { Paper } from "../print/paper.ts";
import { UsageError } from "../usage-error.ts";
import { countOf } from "./saying.ts";

/** Which tasks; all that fit everything that is given. */
export const filterOptions = {
  status: { value: "NAME", says: "ready, running, sleeping, retrying, parked, completed or paused" },
  kind: { value: "NAME", says: "of this aggregate kind" },
  activity: { value: "NAME", says: "of this activity" },
  entity: { value: "TEXT", says: "whose entity begins so" },
  error: { value: "TEXT", says: "whose last error has this in it" },
} as const satisfies Options;

export const filterOf = ({ status, kind, activity, entity, error }: ValuesOf<typeof filterOptions>): Filter => ({
  status,
  kind,
  activity,
  entity,
  error,
});

const defaultLimit = 100;
const maxTasks = 1_000_000;
/** For each of them a stream is opened. */
const maxLags = 1_000;
const lagsAtOnce = 10;

type Row = { readonly record: TaskRecord; readonly lag?: number | string };

export const ls = deskCommand({
  name: "ls",
  words: "",
  says: "lists tasks; reads the table until it has enough",
  options: {
    ...filterOptions,
    limit: { value: "N", says: `at most so many, ${defaultLimit} if absent` },
    sort: { value: "BY", says: "due: what is due first; lag: what is most events behind, which opens each stream" },
  },
  async run({ values, deployment, json, terminal: { paper, aside, stopping } }) {
    const { desk } = deployment;
    const limit = countOf("limit", values.limit, defaultLimit, maxTasks);
    const { sort } = values;
    if (sort !== undefined && sort !== "due" && sort !== "lag") {
      throw new UsageError(`--sort: expected due or lag, received ${sort}`);
    }
    if (sort === "lag") appOfDeployment(deployment);
    const malformed: string[] = [];
    const found: Row[] = [];
    const most = sort === undefined ? limit + 1 : sort === "lag" ? maxLags + 1 : maxTasks;
    for await (const record of desk.list(filterOf(values), (error) => malformed.push(error.message))) {
      found.push({ record });
      if (found.length === most) break;
    }
    const rows = sort === undefined ? found : sort === "due" ? found.sort(byDue) : await byLag(desk, found, stopping);
    const shown = rows.slice(0, limit);
    if (json) for (const row of shown) paper.json(jsonOf(row));
    else print(paper, shown, desk.ports.clock.now(), sort === "lag");
    for (const message of malformed) aside.line(`not readable: ${message}`, "yellow");
    if (rows.length > limit) aside.line(`there are more than ${limit}: --limit N, or a filter`, "dim");
    return 0;
  },
});

const jsonOf = ({ record, lag }: Row) => ({ task: taskName(record), ...record, status: statusOf(record), lag });

const byDue = (a: Row, b: Row) =>
  (a.record.due ?? Number.POSITIVE_INFINITY) - (b.record.due ?? Number.POSITIVE_INFINITY) ||
  taskName(a.record).localeCompare(taskName(b.record));

async function byLag(desk: Desk, rows: readonly Row[], signal: AbortSignal): Promise<Row[]> {
  if (rows.length > maxLags) {
    throw new UsageError(`--sort lag: expected a filter that leaves at most ${maxLags} tasks, received more`);
  }
  const left = [...rows];
  const done: Row[] = [];
  const work = async () => {
    for (let row = left.pop(); row && !signal.aborted; row = left.pop()) {
      const { record } = row;
      const lag = await desk.lag(record, signal).then(
        ({ events }) => events,
        (error: unknown) => describeError(error),
      );
      done.push({ record, lag });
    }
  };
  await Promise.all(Array.from({ length: lagsAtOnce }, work));
  // What cannot be looked at stands above: somebody has to.
  const most = ({ lag }: Row) => (typeof lag === "number" ? lag : Number.POSITIVE_INFINITY);
  return done.sort((a, b) => most(b) - most(a) || taskName(a.record).localeCompare(taskName(b.record)));
}

function print(paper: Paper, rows: readonly Row[], now: number, withLag: boolean): void {
  if (rows.length === 0) {
    paper.line("no task fits");
    return;
  }
  const lagColumn = withLag ? [{ title: "BEHIND", right: true, cut: true }] : [];
  paper.table(
    [
      { title: "TASK" },
      { title: "STATUS" },
      ...lagColumn,
      { title: "RUNS", right: true },
      { title: "DUE" },
      { title: "TAIL", cut: true },
      { title: "LAST ERROR", cut: true },
    ],
    rows.map(({ record, lag }) => [
      taskName(record),
      statusOf(record),
      ...(withLag ? [`${lag}`] : []),
      `${record.fence}`,
      record.due === undefined ? "" : ago(record.due, now),
      record.tail,
      record.error?.message ?? "",
    ]),
  );
}
