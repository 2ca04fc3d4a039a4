import { statusOf } from "../run/start.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { alike } from "./overview.ts";

/** Which tasks: all that fit every field that is there. */
export interface Filter {
  /** As people see it: "paused" whatever the status behind it. */
  readonly status?: string | undefined;
  readonly kind?: string | undefined;
  readonly activity?: string | undefined;
  /** The beginning of the entity's id. */
  readonly entity?: string | undefined;
  /** A part of the last error's message, or of what an overview shows for a group of errors. */
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
