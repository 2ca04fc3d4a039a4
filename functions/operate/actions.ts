import { describeValue, TailwakeError } from "../contract/error.ts";
import { isUtf8 } from "../foundation/text.ts";
import { compareAndSwap } from "../tasks/compare-and-swap.ts";
import type { ControlStore } from "../tasks/control.ts";
import type { Intervention } from "../tasks/record.ts";

/** Why an operator does something, and who they are: kept in the record, and in the list of last actions. */
export interface Note {
  /** At most 200 characters. */
  readonly reason: string;
  /** At most 100 characters. */
  readonly by: string;
}

/** Something that an operator did, to a task or an upstream. */
export interface Action extends Intervention {
  /** A task's printed name, or `upstream NAME`, or a filter in words for many tasks at once. */
  readonly target: string;
}

const maxReason = 200;
const maxBy = 100;
/** So many actions are kept, the last one first. */
const maxActions = 50;
const document = "actions";
const maxTries = 5;

/** Throws a `TailwakeError` ("invalid-argument") for a text that is none, empty or too long. */
export function checkNote({ reason, by }: Note): void {
  check("reason", reason, maxReason);
  check("who did it", by, maxBy);
}

function check(subject: string, text: unknown, longest: number): void {
  if (typeof text === "string" && text !== "" && text.length <= longest && isUtf8(text)) return;
  throw new TailwakeError({
    code: "invalid-argument",
    subject,
    expected: `a text of 1 to ${longest} characters`,
    received: describeValue(text),
  });
}

/** Adds to the list of last actions. What cannot be read of it is replaced; several writers at once may lose an entry. */
export async function recordAction(control: ControlStore, action: Action): Promise<void> {
  const read = () => control.read(document);
  await compareAndSwap<Awaited<ReturnType<typeof read>>, Action[], void>(
    await read(),
    maxTries,
    (found) => ({ write: [action, ...entriesOf(found?.value)].slice(0, maxActions) }),
    async (entries, found) => {
      const version = await control.write(document, { entries }, found?.version ?? 0);
      return version === undefined ? { applied: false, stored: await read() } : { applied: true, result: undefined };
    },
  );
}

/** The last actions, the last one first. */
export async function readActions(control: ControlStore): Promise<readonly Action[]> {
  return entriesOf((await control.read(document))?.value);
}

function entriesOf(value: unknown): Action[] {
  const { entries } = Object(value) as { readonly entries?: unknown };
  return Array.isArray(entries) ? entries.filter(isAction) : [];
}

function isAction(value: unknown): value is Action {
  const { action, target, reason, by, at } = Object(value) as Partial<Action>;
  return [action, target, reason, by].every((text) => typeof text === "string") && Number.isSafeInteger(at);
}
