import type { ControlStore } from "../tasks/control.ts";

/** The age of a message that had waited long in the queue, as the lazy function recorded it. */
export interface QueueAge {
  /** How long it had waited, in milliseconds. */
  readonly ageMs: number;
  /** When it was delivered, in milliseconds since 1970. */
  readonly at: number;
}

const document = "queue-age";

/** Records the age for the tick, which cannot see the queue. */
export async function recordQueueAge(control: ControlStore, age: QueueAge): Promise<void> {
  await control.write(document, age, "any");
}

/** The age that was recorded last; undefined if there is none. */
export async function readQueueAge(control: ControlStore): Promise<QueueAge | undefined> {
  const { ageMs, at } = Object((await control.read(document))?.value);
  return Number.isFinite(ageMs) && Number.isFinite(at) ? { ageMs, at } : undefined;
}
