import type { Action, Engines, Lag, Overview, TaskDetails, TaskRecord, TaskStatus } from "tailwake/operate";

/** The JSON messages between server and page. Times are in milliseconds since 1970 by the server's clock. */

/** A summary of the table and its control documents at one time. */
export interface Survey {
  readonly overview: Overview;
  /** Number of tasks that are ready, running, retrying or parked. A task that is being watched has caught up. */
  readonly notCaughtUp: number;
  readonly engines: Engines;
  /** Number of open streams of each leader of eager tasks, by its name. */
  readonly watched: Readonly<Record<string, number>>;
  readonly actions: readonly Action[];
}

/** The identity and abilities of this console. */
export interface About {
  /** Title of the deployment. */
  readonly deployment: string;
  /** The operator recorded for actions. */
  readonly by: string;
  /** Whether it can kill the lazy function's processes, which are local. */
  readonly canKill: boolean;
}

/** A message of the stream `api/live`: the server's time, and the data read or the reason for a failed read. */
export type Live<T> = { readonly now: number } & (
  | { readonly value: T; readonly error?: never }
  | { readonly value?: never; readonly error: Problem }
);
export type SurveyMessage = Live<Survey> & { readonly about: About };
export type TaskMessage = Live<TaskDetails>;

/** A refused request, or a failed read. */
export interface Problem {
  readonly code: string;
  /** For the operator. */
  readonly message: string;
  /** The subject of a `TailwakeError`. */
  readonly subject?: string;
  readonly expected?: string;
  readonly received?: string;
}

/** A task in the list, with a shortened error. */
export type Row = Pick<
  TaskRecord,
  | "entity"
  | "kind"
  | "activity"
  | "engine"
  | "status"
  | "paused"
  | "due"
  | "notBefore"
  | "leaseUntil"
  | "attempts"
  | "fence"
  | "error"
>;

/** One page of the list. */
export interface Rows {
  /** When the table was read. */
  readonly at: number;
  /** Number of tasks that match the filter. */
  readonly total: number;
  /** Number of tasks beyond the console's limit: they are counted, but not listed. */
  readonly leftOut: number;
  readonly rows: readonly Row[];
}

export const statuses = [
  "ready",
  "running",
  "sleeping",
  "retrying",
  "parked",
  "paused",
  "completed",
] as const satisfies readonly TaskStatus[];

export const rowsPerPage = 100;

export const sortings = ["due", "error", "attempts", "runs", "name"] as const;
export type Sorting = (typeof sortings)[number];

export interface TaskAction {
  readonly task: string;
  /** Required except for a wake. */
  readonly reason?: string;
  /** Rewind and skip-to: the new tail. */
  readonly to?: string;
  /** Rewind and skip-to: also while a run is active. */
  readonly force?: boolean;
}

/** The answer to an action. */
export interface Done {
  /** One sentence. */
  readonly done: string;
}

export type { Lag, TaskDetails };
