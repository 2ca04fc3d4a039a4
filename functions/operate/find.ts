import { TailwakeError } from "../contract/error.ts";
import { parseTaskName, type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import type { TaskStore } from "../tasks/store.ts";

/** Maximum of tasks that the error names. */
const maxNamed = 10;

/**
 * Finds a task by its printed name, or by a prefix of its name or entity that only one task has. Throws a
 * `TailwakeError` ("unknown-task") that names the tasks with the prefix. A whole name costs one read; a prefix reads the
 * whole table.
 */
export async function findTask(store: TaskStore, text: string): Promise<TaskRecord> {
  const key = parseTaskName(text);
  const record = key && (await store.get(key));
  if (record) return record;
  const found: TaskRecord[] = [];
  if (text !== "") {
    for await (const one of store.list(() => {})) {
      if (!fits(one, text)) continue;
      found.push(one);
      if (found.length > maxNamed) break;
    }
  }
  const [only] = found;
  if (only && found.length === 1) return only;
  const names = found.slice(0, maxNamed).map(taskName);
  throw new TailwakeError({
    code: "unknown-task",
    subject: `task ${text}`,
    expected: "kind/activity@entity, or a prefix of that or of the entity that only one task has",
    received:
      names.length === 0 ? "what no task has" : `${names.join(", ")}${found.length > maxNamed ? " and more" : ""}`,
  });
}

const fits = (key: TaskKey, text: string): boolean => taskName(key).startsWith(text) || key.entity.startsWith(text);
