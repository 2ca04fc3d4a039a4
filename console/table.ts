import { type Desk, type Filter, fits, ledBy, type TaskRecord, taskName } from "tailwake/operate";
import type { Row, Rows, Sorting, Survey } from "./messages.ts";
import { rowsPerPage } from "./messages.ts";

/** Maximum number of tasks kept for the list: about 30 MB. */
const maxRows = 100_000;
const maxMessage = 300;

/** One read of the whole table: the summary, and its tasks in short form. */
export interface TableRead {
  readonly survey: Survey;
  readonly rows: readonly Row[];
}

/** Reads the table once, for the overview, the list and the open streams of leaders. */
export async function readTable(desk: Desk): Promise<TableRead> {
  const rows: Row[] = [];
  const watched: Record<string, number> = {};
  let notCaughtUp = 0;
  const overview = await desk.overview((record) => {
    if (rows.length < maxRows) rows.push(rowOf(record));
    const leader = leaderOf(record);
    if (leader !== undefined) watched[leader] = (watched[leader] ?? 0) + 1;
    else if (record.status !== "sleeping" && record.status !== "completed") notCaughtUp++;
  });
  const [engines, actions] = await Promise.all([desk.engines(), desk.actions()]);
  return { rows, survey: { overview, notCaughtUp, engines, watched, actions } };
}

/** The leader that watches the task. */
function leaderOf({ engine, status, token = "" }: TaskRecord): string | undefined {
  return engine === "eager" && status === "running" ? ledBy(token)?.leader : undefined;
}

function rowOf(record: TaskRecord): Row {
  const { entity, kind, activity, engine, status, paused, due, notBefore, leaseUntil, attempts, fence, error } = record;
  return {
    ...{ entity, kind, activity, engine, status, attempts, fence },
    ...(paused && { paused }),
    ...(due !== undefined && { due }),
    ...(notBefore !== undefined && { notBefore }),
    ...(leaseUntil !== undefined && { leaseUntil }),
    ...(error && { error: { ...error, message: error.message.slice(0, maxMessage) } }),
  };
}

/** One page of the tasks that match, starting at number `from`. */
export function rowsOf(
  { survey, rows }: TableRead,
  filter: Filter,
  { sort, from }: { readonly sort: Sorting; readonly from: number },
): Rows {
  const found = rows.filter((row) => fits(row, filter)).sort(orders[sort]);
  const { at, tasks } = survey.overview;
  return { at, total: found.length, leftOut: tasks - rows.length, rows: found.slice(from, from + rowsPerPage) };
}

const byName = (a: Row, b: Row) => (taskName(a) < taskName(b) ? -1 : 1);
const never = Number.POSITIVE_INFINITY;

const orders: Readonly<Record<Sorting, (a: Row, b: Row) => number>> = {
  name: byName,
  due: (a, b) => compare(a.due ?? never, b.due ?? never) || byName(a, b),
  error: (a, b) => compare(b.error?.at ?? 0, a.error?.at ?? 0) || byName(a, b),
  attempts: (a, b) => b.attempts - a.attempts || byName(a, b),
  runs: (a, b) => b.fence - a.fence || byName(a, b),
};

/** The difference of two infinities is NaN, so compare. */
const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);
