import type { ControlStore } from "../tasks/control.ts";

/** A message that had waited long in the queue when it came, as the lazy function left word of it. */
export interface QueueAge {
  /** How long it had waited. */
  readonly ageMs: number;
  /** When it came, in milliseconds since 1970. */
  readonly at: number;
}

const document = "queue-age";

/** Leaves word for the tick, which cannot see the queue. */
export async function recordQueueAge(control: ControlStore, age: QueueAge): Promise<void> {
  await control.write(document, age, "any");
}

/** The last word left; undefined if there was none. */
export async function readQueueAge(control: ControlStore): Promise<QueueAge | undefined> {
  const { ageMs, at } = Object((await control.read(document))?.value);
  return Number.isFinite(ageMs) && Number.isFinite(at) ? { ageMs, at } : undefined;
}
