import type { Address } from "../contract/stream.ts";
import type { Binding } from "../engines/binding.ts";
import { startTask } from "../run/start.ts";
import { MemoryControlStore } from "../tasks/memory-control.ts";
import type { TaskKey, TaskRecord } from "../tasks/record.ts";
import type { Alarms } from "../wake/alarms.ts";
import type { WakeMessage } from "../wake/wake.ts";
import { CopiedStore } from "./copied-store.ts";
import type { Desk } from "./desk.ts";
import { createOperators, type Operators } from "./operators.ts";

/** The effects that an operator's action would have. */
export interface Rehearsal {
  /** Attributes of the record that would change; `from` is undefined for a new one, `to` for a removed one. */
  readonly changes: readonly { readonly attribute: string; readonly from: unknown; readonly to: unknown }[];
  /** Wakes that would be sent; `at` in milliseconds since 1970, undefined for now. */
  readonly wakes: readonly { readonly wake: WakeMessage; readonly at: number | undefined }[];
}

/**
 * Rehearses an operator's action on copies in memory. The same code decides and throws the same errors, but nothing is
 * written to the table, and nothing is sent.
 */
export async function rehearse(
  desk: Desk,
  key: TaskKey,
  act: (operators: Operators) => Promise<unknown>,
): Promise<Rehearsal> {
  const { store, alarms, sent } = stage(desk);
  const before = await store.get(key);
  await act(createOperators({ ...desk.ports, store, alarms, control: new MemoryControlStore() }));
  return { changes: changesOf(before, await store.get(key)), wakes: sent };
}

/** Rehearses the start of a task. */
export async function rehearseStart(desk: Desk, binding: Binding, address: Address): Promise<Rehearsal> {
  const { store, alarms, sent } = stage(desk);
  const { record, started } = await startTask({ ...desk.ports, store, alarms }, binding.activity, address);
  return { changes: started ? changesOf(undefined, record) : [], wakes: sent };
}

function stage(desk: Desk) {
  const store = new CopiedStore((key) => desk.ports.store.get(key));
  const sent: Rehearsal["wakes"][number][] = [];
  const alarms: Alarms = {
    async send(messages) {
      for (const wake of messages) sent.push({ wake, at: undefined });
    },
    async sendAt(wake, at) {
      sent.push({ wake, at });
    },
    async sendQuarantined(wake) {
      sent.push({ wake, at: undefined });
    },
    async startLeader() {},
  };
  return { store, alarms, sent };
}

function changesOf(before: TaskRecord | undefined, after: TaskRecord | undefined): Rehearsal["changes"] {
  const [from, to] = [before, after].map((record) => Object(record) as Record<string, unknown>);
  const attributes = [...new Set([...Object.keys(from ?? {}), ...Object.keys(to ?? {})])].sort();
  return attributes
    .map((attribute) => ({ attribute, from: from?.[attribute], to: to?.[attribute] }))
    .filter((change) => JSON.stringify(change.from) !== JSON.stringify(change.to));
}
