import { userInfo } from "node:os";
import type { Note } from "tailwake/operate";
import type { DeskCall, Options } from "../command.ts";
import type { Deployment } from "../deployment/connect.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

/** Prints one line about output that is missing because there is no app. */
export function printWithoutApp({ withoutApp }: Deployment, { stderr }: Terminal, what: string): void {
  if (withoutApp !== undefined) stderr.line(`Without the app ${what}: ${withoutApp.split("\n").join(" ")}`, "dim");
}

/** Options of all actions. */
export const noteOptions = {
  reason: { value: "TEXT", description: "reason, stored in the record; asked for if absent" },
  by: { value: "NAME", description: "operator; default: your user name" },
} as const satisfies Options;

export const dryRunOption = {
  "dry-run": { description: "print what would be written and sent, without doing it" },
} as const satisfies Options;

/** The reason and the operator of an action. Throws a `UsageError` if there is no reason and nobody can be asked. */
export async function noteOf({ values, terminal }: DeskCall<typeof noteOptions & typeof dryRunOption>): Promise<Note> {
  const reason = values.reason ?? (values["dry-run"] ? "…" : await terminal.ask("Why? "));
  if (!reason) throw new UsageError("--reason: expected a reason, received none");
  return { reason, by: values.by ?? userName() };
}

/** A user id need not have a name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}

/** Parses an option that is a whole number of at least 1. */
export function countOf(name: string, text: string | undefined, defaultCount: number, max: number): number {
  if (text === undefined) return defaultCount;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  throw new UsageError(`--${name}: expected a whole number from 1 to ${max}, received ${text}`);
}
