import { statusOf } from "../run/start.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { taskName } from "../tasks/record.ts";
import type { LastTick } from "../tick/last-tick.ts";
import type { BreakerState } from "../upstream/breaker.ts";
import { overdueMs, tickIsMissingMs } from "./why.ts";
import { ago, shortened, span } from "./words.ts";

/** A summary of all tasks. Times are in milliseconds since 1970. */
export interface Overview {
  readonly at: number;
  /** Whether anything is stuck, and where, in one sentence. */
  readonly verdict: Verdict;
  readonly tasks: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly byActivity: readonly ActivityCount[];
  /** Tasks that have been due for more than two minutes. */
  readonly overdue: number;
  readonly oldestOverdue: { readonly task: string; readonly due: number } | undefined;
  /** The errors of tasks that have not caught up since, grouped, the most frequent first. */
  readonly errors: readonly ErrorGroup[];
  /** All runs so far. The difference of two overviews is the number of runs in between. */
  readonly runs: number;
  readonly lastTick: LastTick | undefined;
  readonly upstreams: readonly UpstreamState[];
  /** The errors of records that cannot be read. */
  readonly unreadable: readonly string[];
}

export interface Verdict {
  readonly level: "ok" | "attention" | "stuck";
  /** Where the cause is: "us" is the deployment. */
  readonly where: "nowhere" | "us" | "upstream" | "tasks";
  readonly sentence: string;
}

export interface ActivityCount {
  /** As `kind/activity`. */
  readonly activity: string;
  readonly tasks: number;
  readonly byStatus: Readonly<Record<string, number>>;
}

export interface ErrorGroup {
  /** Without numbers and ids. */
  readonly message: string;
  readonly tasks: number;
  /** The name of one of the tasks. */
  readonly example: string;
  readonly lastAt: number;
}

export interface UpstreamState {
  readonly name: string;
  readonly breaker: BreakerState;
}

const maxMessage = 200;
/** Maximum of groups, so that a million tasks with a million different errors do not fill the memory. */
const maxGroups = 1_000;

/** What an overview shows besides the tasks. */
export interface OverviewFacts {
  readonly lastTick: LastTick | undefined;
  readonly upstreams: readonly UpstreamState[];
}

/** Adds up a table, record by record. */
export class Tally {
  readonly #now: number;
  #tasks = 0;
  #runs = 0;
  #overdue = 0;
  #oldest: { readonly task: string; readonly due: number } | undefined;
  readonly #byStatus: Record<string, number> = {};
  readonly #byActivity = new Map<string, { tasks: number; readonly byStatus: Record<string, number> }>();
  readonly #errors = new Map<string, { tasks: number; example: string; lastAt: number }>();
  readonly #unreadable: string[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  add(record: TaskRecord): void {
    const { kind, activity, fence, error, due } = record;
    const status = statusOf(record);
    this.#tasks++;
    this.#runs += fence;
    count(this.#byStatus, status);
    const name = `${kind}/${activity}`;
    const of = this.#byActivity.get(name) ?? { tasks: 0, byStatus: {} };
    this.#byActivity.set(name, of);
    of.tasks++;
    count(of.byStatus, status);
    if (due !== undefined && !record.paused && due + overdueMs < this.#now) {
      this.#overdue++;
      if (!this.#oldest || due < this.#oldest.due) this.#oldest = { task: taskName(record), due };
    }
    if (error && status !== "completed") this.#addError(taskName(record), error);
  }

  addUnreadable(what: string): void {
    this.#unreadable.push(shortened(what, maxMessage));
  }

  #addError(example: string, { message, at }: { readonly message: string; readonly at: number }): void {
    const pattern = alike(message);
    const group = this.#errors.get(pattern);
    if (group) {
      group.tasks++;
      if (at > group.lastAt) Object.assign(group, { example, lastAt: at });
    } else if (this.#errors.size < maxGroups) this.#errors.set(pattern, { tasks: 1, example, lastAt: at });
  }

  overview({ lastTick, upstreams }: OverviewFacts): Overview {
    const errors = [...this.#errors].map(([message, group]) => ({ message, ...group }));
    const rest = {
      at: this.#now,
      tasks: this.#tasks,
      byStatus: this.#byStatus,
      byActivity: [...this.#byActivity]
        .map(([activity, counts]) => ({ activity, ...counts }))
        .sort((a, b) => (a.activity < b.activity ? -1 : 1)),
      overdue: this.#overdue,
      oldestOverdue: this.#oldest,
      errors: errors.sort((a, b) => b.tasks - a.tasks || b.lastAt - a.lastAt),
      runs: this.#runs,
      lastTick,
      upstreams,
      unreadable: this.#unreadable,
    };
    return { ...rest, verdict: verdictOf(rest) };
  }
}

/** Checks the tick first, since it repairs everything else; then causes that stop many tasks, then single tasks. */
function verdictOf({
  at: now,
  lastTick,
  upstreams,
  overdue,
  oldestOverdue,
  byStatus,
  tasks,
  unreadable,
}: Omit<Overview, "verdict">): Verdict {
  if (tasks > 0 && (!lastTick || lastTick.at + tickIsMissingMs < now)) {
    const since = lastTick ? `since ${ago(lastTick.at, now)}` : "so far";
    return stuck("us", `Stuck, and it is us: the cron function has not ticked ${since}.`);
  }
  const out = upstreams.filter(({ breaker }) => breaker.state === "open");
  if (out.length > 0) return stuck("upstream", `Stuck, and it is the upstream: ${names(out)} cannot be reached.`);
  if (oldestOverdue) {
    const late = span(now - oldestOverdue.due);
    return stuck("us", `Stuck, and it is us: ${overdue} overdue, ${oldestOverdue.task} the longest, for ${late}.`);
  }
  const paused = upstreams.filter(({ breaker }) => breaker.paused);
  if (paused.length > 0) return attention("upstream", `Paused by an operator: upstream ${names(paused)}.`);
  const { parked = 0, retrying = 0 } = byStatus;
  if (parked > 0) return attention("tasks", `Parked and waiting for an operator: ${parked}.`);
  if (unreadable.length > 0) return attention("us", `Records that cannot be read: ${unreadable.length}.`);
  if (retrying > 0)
    return { level: "ok", where: "tasks", sentence: `Nothing is stuck. Waiting or retrying: ${retrying}.` };
  return { level: "ok", where: "nowhere", sentence: "Nothing is stuck." };
}

const stuck = (where: Verdict["where"], sentence: string): Verdict => ({ level: "stuck", where, sentence });
const attention = (where: Verdict["where"], sentence: string): Verdict => ({ level: "attention", where, sentence });
const names = (upstreams: readonly UpstreamState[]) => upstreams.map(({ name }) => name).join(", ");

/** A message without ids and numbers: the same text for errors that differ only in those. */
export function alike(message: string): string {
  return shortened(message, maxMessage)
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/gi, "…")
    .replaceAll(/\b[0-9A-Z]{26}\b/g, "…")
    .replaceAll(/\b\d+(\.\d+)*\b/g, "…");
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
