import { userInfo } from "node:os";
import type { Note } from "tailwake/operate";
import type { DeskCall, Options } from "../command.ts";
import type { Deployment } from "../deployment/connect.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

/** One line, where something is left out because there is no app. */
export function sayWithoutApp({ withoutApp }: Deployment, { aside }: Terminal, what: string): void {
  if (withoutApp !== undefined) aside.line(`Without the app ${what}: ${withoutApp.split("\n").join(" ")}`, "dim");
}

/** Options of what operators do. */
export const noteOptions = {
  reason: { value: "TEXT", says: "why, kept in the record; asked for if it is missing" },
  by: { value: "NAME", says: "who does it; your user's name if absent" },
} as const satisfies Options;

export const dryRunOption = {
  "dry-run": { says: "says what it would do, and does nothing" },
} as const satisfies Options;

/** Why it is done, and by whom. Throws a `UsageError` if it is not said and nobody can be asked. */
export async function noteOf({ values, terminal }: DeskCall<typeof noteOptions & typeof dryRunOption>): Promise<Note> {
  const reason = values.reason ?? (values["dry-run"] ? "…" : await terminal.ask("Why? "));
  if (!reason) throw new UsageError("--reason: expected why, for those who come after you, received nothing");
  return { reason, by: values.by ?? userName() };
}

/** There are systems without a name for a user's number. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}

/** A whole number of at least 1 that was typed. */
export function countOf(name: string, text: string | undefined, otherwise: number, most: number): number {
  if (text === undefined) return otherwise;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= most) return count;
  throw new UsageError(`--${name}: expected a whole number from 1 to ${most}, received ${text}`);
}
