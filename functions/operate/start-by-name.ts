import type { Task } from "../contract/activity.ts";
import { TailwakeError } from "../contract/error.ts";
import { type Address, checkAddress } from "../contract/stream.ts";
import { type Binding, taskKey } from "../engines/binding.ts";
import { startTask } from "../run/start.ts";
import { type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import type { Desk } from "./desk.ts";

/** Finds the one activity with a name, or with `kind/name`. Throws a `TailwakeError` ("unknown-activity"). */
export function bindingNamed(desk: Desk, text: string): Binding {
  const all = [...desk.ports.bindings];
  const full = ({ stream, declaration }: Binding) => `${stream.kind}/${declaration.name}`;
  const found = all.filter((one) => full(one) === text || one.declaration.name === text);
  const [only] = found;
  if (only && found.length === 1) return only;
  throw new TailwakeError({
    code: "unknown-activity",
    subject: `activity ${text}`,
    expected: "an activity of the app, as kind/activity or by a name that only one has",
    received: `the app has ${(found.length > 0 ? found : all).map(full).join(", ")}`,
  });
}

/** The task of an activity at an address; `record` is undefined if it has not been started. */
export async function taskAt(desk: Desk, binding: Binding, address: Address) {
  const key: TaskKey = taskKey(binding, checkAddress(binding.stream, address));
  return { key, name: taskName(key), record: await desk.ports.store.get(key) };
}

/** The record of a task, such as a root; undefined if it has not been started. */
export async function taskOf(desk: Desk, { activity, address }: Task): Promise<TaskRecord | undefined> {
  return (await taskAt(desk, desk.ports.bindings.of(activity), address)).record;
}

/** Starts the task of an activity at an address. An existing task stays as it is; `started` is false for it. */
export function startAt(
  desk: Desk,
  { activity }: Binding,
  address: Address,
): Promise<{ readonly record: TaskRecord; readonly started: boolean }> {
  return startTask(desk.ports, activity, address);
}
