import type { ControlStore } from "../tasks/control.ts";

/**
 * The queues of the lazy function (infra/queues.yml). Each has deliveries of its own, so that one may be late while the
 * others are not.
 */
const queues = ["wakes", "delay", "quarantine"] as const;
export type QueueName = (typeof queues)[number];

/** The age of a message that had waited long in a queue, as the lazy function recorded it. */
export interface QueueAge {
  /** How long it had waited, in milliseconds. */
  readonly ageMs: number;
  /** When it was delivered, in milliseconds since 1970. */
  readonly at: number;
}

/** The age of a queue that has been late. */
export interface LateQueue extends QueueAge {
  readonly queue: QueueName;
}

/** The wake queue's document has the name that it had when there was one document for all queues. */
const documentOf = (queue: QueueName) => (queue === "wakes" ? "queue-age" : `queue-age#${queue}`);

/**
 * The queue of a message, by the end of the ARN of its source. What comes from elsewhere counts as a message of the wake
 * queue.
 */
export function queueOf(sourceArn: unknown): QueueName {
  return queues.find((queue) => typeof sourceArn === "string" && sourceArn.endsWith(`-${queue}`)) ?? "wakes";
}

/** Records the age for ticks, which cannot see the queues, and for operators. */
export async function recordQueueAge(control: ControlStore, queue: QueueName, age: QueueAge): Promise<void> {
  await control.write(documentOf(queue), age, "any");
}

/** The age that was recorded last for the queue; undefined if there is none. */
export async function readQueueAge(control: ControlStore, queue: QueueName): Promise<QueueAge | undefined> {
  const { ageMs, at } = Object((await control.read(documentOf(queue)))?.value);
  return Number.isFinite(ageMs) && Number.isFinite(at) ? { ageMs, at } : undefined;
}

/** The queues that have been late, each with the age that was recorded last. */
export async function readLateQueues(control: ControlStore): Promise<readonly LateQueue[]> {
  const ages = await Promise.all(queues.map(async (queue) => ({ queue, age: await readQueueAge(control, queue) })));
  return ages.flatMap(({ queue, age }) => (age ? [{ queue, ...age }] : []));
}
