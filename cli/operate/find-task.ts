import { type Desk, type TaskRecord, taskName } from "tailwake/operate";
import { unescaped } from "../print/printable.ts";

/** Finds the task with this name or unique prefix. */
export async function findTask(desk: Desk, text = ""): Promise<{ readonly record: TaskRecord; readonly name: string }> {
  // Users type an unprintable character in its escaped form.
  const record = await desk.find(text).catch((error: unknown) => {
    if (unescaped(text) === text) throw error;
    return desk.find(unescaped(text));
  });
  return { record, name: taskName(record) };
}
