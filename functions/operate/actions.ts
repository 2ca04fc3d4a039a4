import { describeValue, TailwakeError } from "../contract/error.ts";
import { isUtf8 } from "../foundation/text.ts";
import { compareAndSwap } from "../tasks/compare-and-swap.ts";
import type { ControlStore } from "../tasks/control.ts";
import type { Intervention } from "../tasks/record.ts";

/** The reason for an operator's action, and their name. Kept in the task's record and in the list of last actions. */
export interface Note {
  /** At most 200 characters. */
  readonly reason: string;
  /** At most 100 characters. */
  readonly by: string;
}

/** An action of an operator on a task, an upstream or many tasks. */
export interface Action extends Intervention {
  /** The printed name of a task, or `upstream NAME`, or a filter in words for many tasks. */
  readonly target: string;
}

const maxReason = 200;
const maxBy = 100;
/** At most this many actions are kept, the newest first. */
const maxActions = 50;
const document = "actions";
const maxTries = 5;

/** Throws a `TailwakeError` ("invalid-argument") if a text is not a string, is empty, too long or not valid UTF-16. */
export function checkNote({ reason, by }: Note): void {
  check("reason", reason, maxReason);
  check("who did it", by, maxBy);
}

function check(subject: string, text: unknown, maxLength: number): void {
  if (typeof text === "string" && text !== "" && text.length <= maxLength && isUtf8(text)) return;
  throw new TailwakeError({
    code: "invalid-argument",
    subject,
    expected: `a text of 1 to ${maxLength} characters`,
    received: describeValue(text),
  });
}

/** Adds to the list of last actions. Drops unreadable entries. The entry is lost if other writers win every try. */
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

/** The last actions, the newest first. */
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
