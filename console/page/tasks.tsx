import { useEffect, useState } from "preact/hooks";
import { statusOf } from "../../functions/run/start.ts";
import { taskName } from "../../functions/tasks/record.ts";
import {
  type Problem,
  type Row,
  type Rows,
  rowsPerPage,
  type Sorting,
  type Survey,
  sortings,
  statuses,
} from "../messages.ts";
import { getRows } from "./request.ts";
import { linkTo, linkToTask } from "./route.ts";
import { Status } from "./signs.tsx";
import { Table } from "./table.tsx";
import { grouped, Text, Time, visible } from "./text.tsx";

const fields = ["status", "kind", "activity", "entity", "error", "sort", "from"] as const;
type Query = Readonly<Record<(typeof fields)[number], string>>;

const sortingLabels: Readonly<Record<Sorting, string>> = {
  due: "due first",
  error: "last error first",
  attempts: "most attempts first",
  runs: "most runs first",
  name: "by name",
};

export function Tasks({ survey, query }: { readonly survey: Survey; readonly query: URLSearchParams }) {
  const selected = Object.fromEntries(fields.map((field) => [field, query.get(field) ?? ""])) as Query;
  const { rows, problem } = useRows(selected, survey.overview.at);
  const go = (changed: Partial<Query>) => location.replace(linkTo("tasks", { ...selected, from: "", ...changed }));
  return (
    <>
      <h1 tabIndex={-1}>Tasks</h1>
      <Filters selected={selected} survey={survey} go={go} />
      {problem && (
        <p class="problem" role="alert">
          {visible(problem.message)}
        </p>
      )}
      {rows && <List rows={rows} selected={selected} go={go} />}
    </>
  );
}

/** The requested rows, read again after each read of the table. */
function useRows(selected: Query, readAt: number) {
  const [answer, setAnswer] = useState<{ readonly rows?: Rows; readonly problem?: Problem }>({});
  const query = new URLSearchParams(Object.entries(selected).filter(([, value]) => value !== "")).toString();
  useEffect(() => {
    const leaving = new AbortController();
    const show = (shown: typeof answer) => {
      if (!leaving.signal.aborted) setAnswer(shown);
    };
    getRows(query, leaving.signal).then(
      (rows) => show({ rows }),
      (problem: Problem) => show({ ...answer, problem }),
    );
    return () => leaving.abort();
  }, [query, readAt]);
  return answer;
}

interface FiltersProps {
  readonly selected: Query;
  readonly survey: Survey;
  readonly go: (changed: Partial<Query>) => void;
}

function Filters({ selected, survey, go }: FiltersProps) {
  const names = survey.overview.byActivity.map(({ activity }) => activity.split("/"));
  const distinct = (index: number) => [...new Set(names.map((parts) => parts[index] ?? ""))].sort();
  const choice = (field: keyof Query, label: string, options: readonly string[]) => (
    <label>
      {label}
      <select value={selected[field]} onChange={({ currentTarget }) => go({ [field]: currentTarget.value })}>
        <option value="">all</option>
        {options.map((option) => (
          <option key={option} value={option}>
            {visible(option)}
          </option>
        ))}
      </select>
    </label>
  );
  const text = (field: keyof Query, label: string) => (
    <label>
      {label}
      <input
        type="search"
        value={selected[field]}
        maxLength={1_000}
        spellcheck={false}
        onInput={({ currentTarget }) => go({ [field]: currentTarget.value })}
      />
    </label>
  );
  return (
    <search class="filters" aria-label="Filter tasks">
      {choice("status", "Status", statuses)}
      {choice("kind", "Kind", distinct(0))}
      {choice("activity", "Activity", distinct(1))}
      {text("entity", "Entity begins with")}
      {text("error", "Error contains")}
      <label>
        Sort
        <select value={selected.sort || "due"} onChange={({ currentTarget }) => go({ sort: currentTarget.value })}>
          {sortings.map((sorting) => (
            <option key={sorting} value={sorting}>
              {sortingLabels[sorting]}
            </option>
          ))}
        </select>
      </label>
    </search>
  );
}

interface ListProps {
  readonly rows: Rows;
  readonly selected: Query;
  readonly go: (changed: Partial<Query>) => void;
}

function List({ rows: { rows, total, leftOut }, selected, go }: ListProps) {
  const from = Number(selected.from) || 0;
  const page = (to: number) => () => {
    go({ from: to > 0 ? String(to) : "" });
    scrollTo(0, 0);
  };
  if (total === 0) return <p class="empty">No task matches. Remove a filter to see more.</p>;
  return (
    <>
      <p role="status">
        {grouped(from + 1)} to {grouped(from + rows.length)} of {grouped(total)}
        {leftOut > 0 && `; ${grouped(leftOut)} more tasks of the table are not listed`}
      </p>
      <Table label="Tasks" class="tasks" columns={["Status", "Task", "Next", "Attempts", "Runs", "Last error"]}>
        {rows.map((row) => (
          <TaskRow key={taskName(row)} row={row} />
        ))}
      </Table>
      {total > rowsPerPage && (
        <nav class="buttons" aria-label="Pages of the list">
          <button type="button" disabled={from === 0} onClick={page(from - rowsPerPage)}>
            Previous {rowsPerPage}
          </button>
          <button type="button" disabled={from + rows.length >= total} onClick={page(from + rowsPerPage)}>
            Next {rowsPerPage}
          </button>
        </nav>
      )}
    </>
  );
}

function TaskRow({ row }: { readonly row: Row }) {
  const { kind, activity, entity, attempts, fence, error } = row;
  const next = nextOf(row);
  return (
    <tr>
      <td>
        <Status of={statusOf(row)} />
      </td>
      <th scope="row">
        <a href={linkToTask(taskName(row))}>
          <Text of={entity} max={80} />
          <small>
            <Text of={`${kind}/${activity}`} max={80} />
          </small>
        </a>
      </th>
      <td>{next === undefined ? "–" : <Time at={next} />}</td>
      <td>{grouped(attempts)}</td>
      <td>{grouped(fence)}</td>
      <td>{error ? <Text of={error.message} max={160} /> : "–"}</td>
    </tr>
  );
}

/** The time of the task's next event: of the retry, the end of the lease, or the next check. */
function nextOf({ status, paused, notBefore, due, leaseUntil }: Row): number | undefined {
  if (paused) return undefined;
  return status === "retrying" ? notBefore : status === "running" ? leaseUntil : due;
}
