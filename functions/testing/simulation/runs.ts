import { isDeepStrictEqual } from "node:util";
import type { Outcome } from "../../contract/outcome.ts";
import { epoch } from "../../contract/tail.ts";
import type { Binding } from "../../engines/binding.ts";
import type { MemoryTaskStore } from "../../tasks/memory.ts";
import type { TaskRecord } from "../../tasks/record.ts";
import type { Aggregate } from "./aggregate.ts";
import type { TableWrite } from "./table.ts";
import type { Attempt } from "./witness.ts";

/** The operations that may write an outcome, by the error contract. An aborted run may hand over with any outcome. */
const writtenAs: Readonly<Record<Outcome["type"], RegExp>> = {
  completed: /^(completed|retry$|attempt limit)/,
  caughtUp: /^(caughtUp|canceled|retry$|attempt limit)/,
  canceled: /^(canceled|retry$|attempt limit|caughtUp, wakes)/,
  silentRetry: /^(retry$|attempt limit)/,
  silentRetryAfter: /^(silentRetryAfter|retry$|attempt limit)/,
  retry: /^(retry$|attempt limit)/,
};

/** The operations of runs. */
export const byRuns = /^(checkpoint|caughtUp|canceled|retry$|silentRetryAfter|attempt limit|completed)/;

/** What is known about a run that writes. */
export interface InspectedRun {
  readonly aggregate: Aggregate;
  readonly binding: Binding;
  readonly attempts: readonly Attempt[];
  readonly records: MemoryTaskStore | undefined;
  /** Its process has been frozen, or had a call fail. */
  readonly wasTroubled: boolean;
}

/** Compares the write of a run with the events and outcomes of its activity. Resolves to what is wrong, with the rule. */
export async function wrongWithRun(write: TableWrite, run: InspectedRun): Promise<string | undefined> {
  const { operation, before, after } = write;
  const { behaviour } = run.binding.declaration;
  if (!before) return undefined;
  if (behaviour.type === "viewed") return after.status === "completed" ? undefined : wrongWithView(after, run);
  const wrong = after.tail !== before.tail ? wrongWithTail(before, after, run) : undefined;
  if (wrong) return wrong;
  const outcome = run.attempts.at(-1)?.outcome;
  if (!outcome || operation === "checkpoint" || writtenAs[outcome.type].test(operation)) return undefined;
  // A process that stood still past the deadline abandons an activity that returns in the same moment.
  const mayBeAbandoned = run.wasTroubled && writtenAs.canceled.test(operation);
  return mayBeAbandoned ? undefined : `the error contract: ${outcome.type} was written as "${operation}"`;
}

/** T1: the events between two tails were handed out in order, and the activity has reported the new tail. */
function wrongWithTail(before: TaskRecord, after: TaskRecord, run: InspectedRun): string | undefined {
  const { aggregate, attempts } = run;
  if (after.tail !== epoch && !attempts.some(({ said }) => said.has(after.tail)))
    return `T1: the tail became ${after.tail}, which the activity has never reported`;
  const from = aggregate.positionOf(before.tail);
  const to = aggregate.positionOf(after.tail);
  const handed = attempts.flatMap((attempt) => attempt.handed);
  let last = -1;
  for (let position = from + 1; position <= to; position++) {
    const id = aggregate.events[position]?.id ?? "";
    const at = handed.indexOf(id, last + 1);
    if (at >= 0) last = at;
    else if (position >= aggregate.trimmed)
      return `T1: the tail moved from ${before.tail} to ${after.tail}, but event ${id} was not handed out`;
  }
  return undefined;
}

/** T5: the stored view is the fold of the events up to the stored tail, from any former beginning of the history. */
async function wrongWithView(record: TaskRecord, run: InspectedRun): Promise<string | undefined> {
  const { aggregate, binding, records } = run;
  const { behaviour } = binding.declaration;
  if (behaviour.type !== "viewed" || record.viewVersion !== behaviour.view.version) return undefined;
  const json = record.view ?? (record.viewRef && (await records?.getView(record, record.viewRef)));
  if (!json) return record.tail === epoch ? undefined : `T5: no view at tail ${record.tail}`;
  const stored: unknown = JSON.parse(json);
  const to = aggregate.positionOf(record.tail);
  const isFold = aggregate.trims.some((begin) => {
    const view = behaviour.view.initial();
    for (const recorded of aggregate.events.slice(begin, to + 1)) behaviour.apply(view, recorded);
    return isDeepStrictEqual(JSON.parse(JSON.stringify(view)), stored);
  });
  return isFold ? undefined : `T5: the view at tail ${record.tail} is not made of the events up to it: ${json}`;
}
