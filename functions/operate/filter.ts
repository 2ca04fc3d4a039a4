import { statusOf } from "../run/start.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { alike } from "./overview.ts";

/** Selects the tasks that match every given field. */
export interface Filter {
  /** The status as operators see it: "paused" for every paused task. */
  readonly status?: string | undefined;
  readonly kind?: string | undefined;
  readonly activity?: string | undefined;
  /** A prefix of the entity's id. */
  readonly entity?: string | undefined;
  /** A part of the last error's message, or of the message that an overview shows for its group. */
  readonly error?: string | undefined;
}

type Filtered = Pick<TaskRecord, "kind" | "activity" | "entity" | "status" | "paused" | "error">;

export function fits(record: Filtered, { status, kind, activity, entity, error }: Filter): boolean {
  return (
    (status === undefined || statusOf(record) === status) &&
    (kind === undefined || record.kind === kind) &&
    (activity === undefined || record.activity === activity) &&
    (entity === undefined || record.entity.startsWith(entity)) &&
    (error === undefined || hasError(record, error))
  );
}

function hasError({ error }: Filtered, text: string): boolean {
  return error !== undefined && (error.message.includes(text) || alike(error.message).includes(text));
}
