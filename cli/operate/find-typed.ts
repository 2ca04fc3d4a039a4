import { type Desk, type TaskRecord, taskName } from "tailwake/operate";
import { unescaped } from "../print/printable.ts";

/** The task that was typed: its name as it is printed, or a beginning that only one has. */
export async function findTyped(
  desk: Desk,
  text = "",
): Promise<{ readonly record: TaskRecord; readonly name: string }> {
  // What cannot be printed is printed in another way, and may be typed like that.
  const record = await desk.find(text).catch((error: unknown) => {
    if (unescaped(text) === text) throw error;
    return desk.find(unescaped(text));
  });
  return { record, name: taskName(record) };
}
