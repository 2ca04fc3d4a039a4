import { bestEffort } from "../engines/best-effort.ts";
import type { Ports } from "../engines/ports.ts";
import { type Delivery, runBatch } from "../queue/batch.ts";
import { recordQueueAge } from "../queue/queue-age.ts";
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

function recordsOf(event: unknown): Delivery[] | undefined {
  if (typeof event !== "object" || event === null || !("Records" in event)) return undefined;
  if (!Array.isArray(event.Records)) throw malformed("event.Records", "an array", event.Records);
  return event.Records.map((record: unknown, i) => {
    const { messageId, body, attributes } = Object(record);
    // Without its id the response cannot name the message: SQS has to deliver the whole batch again.
    if (typeof messageId !== "string" || messageId === "") {
      throw malformed(`event.Records[${i}].messageId`, "a non-empty string", messageId);
    }
    const { ApproximateReceiveCount, SentTimestamp } = Object(attributes);
    const sent =
      typeof SentTimestamp === "string" && /^\d{1,15}$/.test(SentTimestamp) ? Number(SentTimestamp) : undefined;
    return { id: messageId, body, sentAt: ApproximateReceiveCount === "1" ? sent : undefined };
  });
}

/** A tick counts queue ages of the last two minutes, so one from each process in this time is enough. */
const recordIntervalMs = 30_000;
/** When each process last recorded a queue age. */
const lastRecordedAt = new WeakMap<Ports, number>();

/**
 * Records that a message waited longer than a rescue's grace, so that the tick does not add to the queue (rule 11). All
 * processes write to one document, so each writes rarely. Best effort: the batch runs even if the write fails.
 */
async function recordLateness(ports: Ports, records: readonly Delivery[] = []): Promise<void> {
  const { control, clock, log } = ports;
  const now = clock.now();
  const ages = records.flatMap(({ sentAt }) => (sentAt === undefined ? [] : [now - sentAt]));
  const ageMs = Math.max(0, ...ages);
  if (ageMs <= graceMs || now - (lastRecordedAt.get(ports) ?? Number.NEGATIVE_INFINITY) < recordIntervalMs) return;
  lastRecordedAt.set(ports, now);
  log.warn("queue is late", { ageMs });
  await bestEffort(ports, "queue age not recorded", { ageMs }, () => recordQueueAge(control, { ageMs, at: now }));
}
