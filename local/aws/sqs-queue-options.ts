import type { Clock } from "../../functions/foundation/clock.ts";
import type { QueueSettings } from "./sqs-attributes.ts";
import type { SqsQueue } from "./sqs-queue.ts";

export interface ReceiveOptions {
  /** 1-10; 1 when absent. */
  readonly max?: number;
  /** Maximum wait for the first message; the queue's ReceiveMessageWaitTimeSeconds when absent. */
  readonly waitMs?: number;
  /** How long the messages stay invisible to other consumers; the queue's VisibilityTimeout when absent. */
  readonly visibilityMs?: number;
  /** Ends the wait early and returns the messages received so far. */
  readonly signal?: AbortSignal;
}

export interface QueueCounts {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

export interface QueueOptions {
  readonly name: string;
  readonly arn: string;
  readonly url: string;
  readonly settings: QueueSettings;
  readonly clock: Clock;
  /** AWS account given as the sender of the messages. */
  readonly senderId: string;
  readonly deadLetterQueue: (arn: string) => SqsQueue | undefined;
}
