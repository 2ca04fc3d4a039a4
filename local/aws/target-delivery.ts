import { parseArn } from "./arn.ts";
import type { Sqs } from "./sqs.ts";

/** One delivery of an event to a target. */
export interface Delivery {
  /** The rule or schedule that sends the event. */
  readonly sourceArn: string;
  readonly targetArn: string;
  readonly event: unknown;
  /** Message group for an SQS target. */
  readonly messageGroupId?: string;
  /** The SQS queue for an event that its target does not accept. */
  readonly deadLetterArn?: string;
}

export interface UndeliveredEvent extends Delivery {
  readonly reason: string;
}

export interface TargetDeliveryOptions {
  readonly sqs: Sqs;
  /** Runs a Lambda function with an event; without it, deliveries to Lambda targets fail. */
  readonly onLambda?: (functionName: string, event: unknown) => Promise<void>;
  /** Called with each event that neither a target nor a dead letter queue accepted. */
  readonly onUndelivered?: (event: UndeliveredEvent) => void;
}

export type TargetKind = "sqs" | "lambda" | "event-bus";

/** The kind of target that an ARN names; undefined when it cannot receive events here. */
export function targetKindOf(arn: string): TargetKind | undefined {
  const parsed = parseArn(arn);
  if (parsed?.service === "sqs") return "sqs";
  if (parsed?.service === "lambda" && functionNameOf(parsed.resource)) return "lambda";
  if (parsed?.service === "events" && parsed.resource.startsWith("event-bus/")) return "event-bus";
  return undefined;
}

/** Delivers events to SQS queues and Lambda functions, once each, without retries. */
export class TargetDelivery {
  readonly #options: TargetDeliveryOptions;
  readonly #running = new Set<Promise<void>>();

  constructor(options: TargetDeliveryOptions) {
    this.#options = options;
  }

  /** Starts a delivery. A queue has the message when this returns; a function may still be running. */
  deliver(delivery: Delivery): void {
    const { onLambda } = this.#options;
    const target = parseArn(delivery.targetArn);
    if (target?.service === "sqs") {
      try {
        this.#send(delivery.targetArn, delivery);
      } catch (error) {
        this.fail(delivery, error);
      }
      return;
    }
    const functionName = target?.service === "lambda" ? functionNameOf(target.resource) : undefined;
    if (functionName === undefined || !onLambda) {
      this.fail(delivery, new Error(`There is no target ${delivery.targetArn}.`));
      return;
    }
    const running = (async () => onLambda(functionName, delivery.event))()
      .catch((error: unknown) => this.fail(delivery, error))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Sends an event that could not be delivered to its dead letter queue, if there is one. */
  fail(delivery: Delivery, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const { deadLetterArn } = delivery;
    try {
      if (deadLetterArn === undefined) throw new Error("no dead letter queue is set");
      this.#send(deadLetterArn, delivery);
    } catch (deadLetterError) {
      const detail = deadLetterError instanceof Error ? deadLetterError.message : String(deadLetterError);
      this.#options.onUndelivered?.({ ...delivery, reason: `${reason} Dead letter queue: ${detail}.` });
    }
  }

  /** Resolves when no delivery to a function is running. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #send(queueArn: string, { event, messageGroupId }: Delivery): void {
    const queue = this.#options.sqs.findByArn(queueArn);
    if (!queue) throw new Error(`The queue ${queueArn} does not exist.`);
    const body = typeof event === "string" ? event : JSON.stringify(event);
    queue.send(messageGroupId === undefined ? { body } : { body, groupId: messageGroupId });
  }
}

function functionNameOf(resource: string): string | undefined {
  return /^function:([A-Za-z0-9_-]{1,64})(?::[\w$-]+)?$/.exec(resource)?.[1];
}
