import type { Action, Engines, Lag, Overview, TaskDetails, TaskRecord, TaskStatus } from "tailwake/operate";

/** What the server and the page say to each other, as JSON. Times are in milliseconds since 1970, by the server's clock. */

/** The table and its documents at one look. */
export interface Survey {
  readonly overview: Overview;
  /** Tasks that have something to do: they are ready, running, retrying or parked. Who watches has caught up. */
  readonly notCaughtUp: number;
  readonly engines: Engines;
  /** Streams that each leader of eager tasks has open, by its name. */
  readonly watched: Readonly<Record<string, number>>;
  readonly actions: readonly Action[];
}

/** What this console is, and may do. */
export interface About {
  /** Which deployment. */
  readonly deployment: string;
  /** Who is noted for what is done here. */
  readonly by: string;
  /** It can kill the lazy function's processes: they are this machine's. */
  readonly canKill: boolean;
}

/** The messages of the stream `api/live`: each has the server's time, and what was read or why it could not be. */
export type Live<T> = { readonly now: number } & (
  | { readonly value: T; readonly error?: never }
  | { readonly value?: never; readonly error: Problem }
);
export type SurveyMessage = Live<Survey> & { readonly about: About };
export type TaskMessage = Live<TaskDetails>;

/** A refused request, or something that could not be read. */
export interface Problem {
  readonly code: string;
  /** For people. */
  readonly message: string;
  /** Of a `TailwakeError`. */
  readonly subject?: string;
  readonly expected?: string;
  readonly received?: string;
}

/** A task in the list. Its error is shortened. */
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

/** A part of the list. */
export interface Rows {
  /** When the table was read. */
  readonly at: number;
  /** Tasks that fit the filter. */
  readonly total: number;
  /** Tasks of the table that are too many for this console to keep: they are counted, but not listed. */
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
  /** All but a wake need one. */
  readonly reason?: string;
  /** Rewind and skip-to: the new tail. */
  readonly to?: string;
  /** Rewind and skip-to: also while it runs. */
  readonly force?: boolean;
}

/** What a request to do something is answered with. */
export interface Done {
  /** One sentence. */
  readonly done: string;
}

export type { Lag, TaskDetails };
