import { bestEffort } from "../engines/best-effort.ts";
import type { Ports } from "../engines/ports.ts";
import { type Delivery, runBatch } from "../queue/batch.ts";
import { type QueueName, queueOf, recordQueueAge } from "../queue/queue-age.ts";
import { graceMs } from "../tasks/times.ts";
import { malformed } from "../wake/wake.ts";
import type { LambdaContext } from "./context.ts";
import { openInvocation } from "./invocation.ts";

/** The response for an SQS batch: the messages to deliver again. */
interface BatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** Handles an SQS batch of bus events, or one plain bus event. */
export async function wakeHandler(
  ports: Ports,
  event: unknown,
  context: LambdaContext,
): Promise<BatchResponse | undefined> {
  const records = recordsOf(event);
  const invocation = openInvocation(ports, context.getRemainingTimeInMillis());
  try {
    await recordLateness(ports, records);
    const deliveries: readonly Delivery[] = records ?? [{ id: context.awsRequestId, body: event }];
    const failures = await runBatch(ports, deliveries, invocation);
    if (records) return { batchItemFailures: [...failures.keys()].map((itemIdentifier) => ({ itemIdentifier })) };
    // Lambda delivers a plain event again if its invocation fails.
    for (const error of failures.values()) throw error;
    return undefined;
  } finally {
    invocation.end();
    ports.meter.publish();
  }
}

/** A message of a queue, as Lambda delivers it. */
interface QueueRecord extends Delivery {
  readonly queue: QueueName;
}

function recordsOf(event: unknown): QueueRecord[] | undefined {
  if (typeof event !== "object" || event === null || !("Records" in event)) return undefined;
  if (!Array.isArray(event.Records)) throw malformed("event.Records", "an array", event.Records);
  return event.Records.map((record: unknown, i) => {
    const { messageId, body, attributes, eventSourceARN } = Object(record);
    // Without its id the response cannot name the message: SQS has to deliver the whole batch again.
    if (typeof messageId !== "string" || messageId === "") {
      throw malformed(`event.Records[${i}].messageId`, "a non-empty string", messageId);
    }
    const { ApproximateReceiveCount, SentTimestamp } = Object(attributes);
    const sent =
      typeof SentTimestamp === "string" && /^\d{1,15}$/.test(SentTimestamp) ? Number(SentTimestamp) : undefined;
    const sentAt = ApproximateReceiveCount === "1" ? sent : undefined;
    return { id: messageId, body, sentAt, queue: queueOf(eventSourceARN) };
  });
}

/** A tick counts queue ages of the last two minutes, so one from each process in this time is enough. */
const recordIntervalMs = 30_000;
/** When each process last recorded an age of each queue. */
const lastRecordedAt = new WeakMap<Ports, Map<QueueName, number>>();

/**
 * Records for each queue that a message waited longer in it than a rescue's grace. A tick must not add to a late wake
 * queue (rule 11). All processes write to one document for each queue, so each writes rarely. Best effort: the batch
 * runs even if the write fails.
 */
async function recordLateness(ports: Ports, records: readonly QueueRecord[] = []): Promise<void> {
  const { control, clock, log } = ports;
  const now = clock.now();
  const ages = new Map<QueueName, number>();
  for (const { queue, sentAt = now } of records) ages.set(queue, Math.max(ages.get(queue) ?? 0, now - sentAt));
  const recordedAt = lastRecordedAt.get(ports) ?? new Map<QueueName, number>();
  lastRecordedAt.set(ports, recordedAt);
  for (const [queue, ageMs] of ages) {
    const isRecent = now - (recordedAt.get(queue) ?? Number.NEGATIVE_INFINITY) < recordIntervalMs;
    if (ageMs <= graceMs || isRecent) continue;
    recordedAt.set(queue, now);
    log.warn("queue is late", { queue, ageMs });
    await bestEffort(ports, "queue age not recorded", { queue, ageMs }, () =>
      recordQueueAge(control, queue, { ageMs, at: now }),
    );
  }
}
