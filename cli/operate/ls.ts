import { ago, type Desk, describeError, type Filter, statusOf, type TaskRecord, taskName } from "tailwake/operate";
import { deskCommand, type Options, type ValuesOf } from "../command.ts";
import { appOfDeployment } from "../deployment/connect.ts";
import type { Output } from "../print/output.ts";
import { UsageError } from "../usage-error.ts";
import { countOf } from "./options.ts";

/** Filters; a task must match all of them. */
export const filterOptions = {
  status: { value: "NAME", description: "status: ready, running, sleeping, retrying, parked, completed or paused" },
  kind: { value: "NAME", description: "aggregate kind" },
  activity: { value: "NAME", description: "activity" },
  entity: { value: "TEXT", description: "prefix of the entity" },
  error: { value: "TEXT", description: "text in the last error" },
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
/** Each of them opens a stream. */
const maxLags = 1_000;
const lagsAtOnce = 10;

type Row = { readonly record: TaskRecord; readonly lag?: number | string };

export const ls = deskCommand({
  name: "ls",
  positionals: "",
  description: "list tasks; stop reading the table at the limit",
  options: {
    ...filterOptions,
    limit: { value: "N", description: `maximum number; default: ${defaultLimit}` },
    sort: {
      value: "BY",
      description: "due: earliest due first; lag: most events behind first, which opens each stream",
    },
  },
  async run({ values, deployment, json, terminal: { stdout, stderr, stopping } }) {
    const { desk } = deployment;
    const limit = countOf("limit", values.limit, defaultLimit, maxTasks);
    const { sort } = values;
    if (sort !== undefined && sort !== "due" && sort !== "lag") {
      throw new UsageError(`--sort: expected due or lag, received ${sort}`);
    }
    if (sort === "lag") appOfDeployment(deployment);
    const malformed: string[] = [];
    const found: Row[] = [];
    const max = sort === undefined ? limit + 1 : sort === "lag" ? maxLags + 1 : maxTasks;
    for await (const record of desk.list(filterOf(values), (error) => malformed.push(error.message))) {
      found.push({ record });
      if (found.length === max) break;
    }
    const rows = sort === undefined ? found : sort === "due" ? found.sort(byDue) : await byLag(desk, found, stopping);
    const shown = rows.slice(0, limit);
    if (json) for (const row of shown) stdout.json(jsonOf(row));
    else print(stdout, shown, desk.ports.clock.now(), sort === "lag");
    for (const message of malformed) stderr.line(`unreadable: ${message}`, "yellow");
    if (rows.length > limit) stderr.line(`more than ${limit}: use --limit N or a filter`, "dim");
    return 0;
  },
});

const jsonOf = ({ record, lag }: Row) => ({ task: taskName(record), ...record, status: statusOf(record), lag });

const byDue = (a: Row, b: Row) =>
  (a.record.due ?? Number.POSITIVE_INFINITY) - (b.record.due ?? Number.POSITIVE_INFINITY) ||
  taskName(a.record).localeCompare(taskName(b.record));

async function byLag(desk: Desk, rows: readonly Row[], signal: AbortSignal): Promise<Row[]> {
  if (rows.length > maxLags) {
    throw new UsageError(`--sort lag: expected a filter that matches at most ${maxLags} tasks, received more`);
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
  // Streams that cannot be read come first: they need attention.
  const events = ({ lag }: Row) => (typeof lag === "number" ? lag : Number.POSITIVE_INFINITY);
  return done.sort((a, b) => events(b) - events(a) || taskName(a.record).localeCompare(taskName(b.record)));
}

function print(stdout: Output, rows: readonly Row[], now: number, withLag: boolean): void {
  if (rows.length === 0) {
    stdout.line("no task matches");
    return;
  }
  const lagColumn = withLag ? [{ title: "BEHIND", right: true, cut: true }] : [];
  stdout.table(
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
