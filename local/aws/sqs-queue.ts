import { randomUUID } from "node:crypto";
import type { Clock } from "../../functions/foundation/clock.ts";
import { DueHeap } from "./due-heap.ts";
import { formatReceiptHandle, parseReceiptHandle } from "./receipt-handle.ts";
import { ServiceError } from "./service-error.ts";
import type { QueueSettings } from "./sqs-attributes.ts";
import {
  hasOnlyAllowedCharacters,
  type MessageAttributes,
  md5OfText,
  messageBytes,
  type OutgoingMessage,
  type ReceivedMessage,
} from "./sqs-message.ts";
import type { QueueCounts, QueueOptions, ReceiveOptions } from "./sqs-queue-options.ts";

interface StoredMessage {
  readonly id: string;
  readonly body: string;
  readonly md5OfBody: string;
  readonly attributes: MessageAttributes;
  readonly extra: Readonly<Record<string, string>>;
  readonly sentAt: number;
  visibleAt: number;
  /** Number of times that `visibleAt` was set: tells the current due entry from outdated ones. */
  generation: number;
  receives: number;
  firstReceivedAt?: number;
}

interface DueMessage {
  readonly message: StoredMessage;
  readonly generation: number;
}

/** SQS allows one purge of a queue per minute. */
const purgePauseMs = 60_000;

/** One standard queue. */
export class SqsQueue {
  readonly name: string;
  readonly arn: string;
  readonly url: string;
  readonly createdAt: number;
  settings: QueueSettings;
  readonly #clock: Clock;
  readonly #senderId: string;
  readonly #deadLetterQueue: (arn: string) => SqsQueue | undefined;
  readonly #messages = new Map<string, StoredMessage>();
  readonly #due = new DueHeap<DueMessage>();
  readonly #waiting = new Set<AbortController>();
  #purgedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: QueueOptions) {
    this.name = options.name;
    this.arn = options.arn;
    this.url = options.url;
    this.settings = options.settings;
    this.#clock = options.clock;
    this.#senderId = options.senderId;
    this.#deadLetterQueue = options.deadLetterQueue;
    this.createdAt = options.clock.now();
  }

  /** Adds a message to the queue and returns its id. */
  send(message: OutgoingMessage): { readonly messageId: string; readonly md5OfBody: string } {
    const bytes = messageBytes(message);
    if (bytes > this.settings.maximumMessageSize) {
      throw new ServiceError(
        "InvalidParameterValue",
        `One or more parameters are invalid. Reason: Message must be shorter than ${this.settings.maximumMessageSize} bytes, but has ${bytes}.`,
      );
    }
    if (message.body === "") throw new ServiceError("MissingParameter", "The request must contain MessageBody.");
    if (!hasOnlyAllowedCharacters(message.body)) {
      throw new ServiceError("InvalidMessageContents", "The message body has characters outside the allowed set.");
    }
    const now = this.#clock.now();
    const stored: StoredMessage = {
      id: randomUUID(),
      body: message.body,
      md5OfBody: md5OfText(message.body),
      attributes: message.attributes ?? {},
      extra: {
        ...(message.traceHeader === undefined ? {} : { AWSTraceHeader: message.traceHeader }),
        ...(message.groupId === undefined ? {} : { MessageGroupId: message.groupId }),
      },
      sentAt: now,
      visibleAt: now + 1000 * (message.delaySeconds ?? this.settings.delaySeconds),
      generation: 0,
      receives: 0,
    };
    this.#add(stored);
    return { messageId: stored.id, md5OfBody: stored.md5OfBody };
  }

  /** Receives up to `max` messages; with long polling, waits for the first one. */
  async receive(options: ReceiveOptions = {}): Promise<readonly ReceivedMessage[]> {
    const end = this.#clock.now() + (options.waitMs ?? this.settings.receiveWaitSeconds * 1000);
    for (;;) {
      if (options.signal?.aborted) return [];
      const messages = this.#take(options.max ?? 1, options.visibilityMs ?? this.settings.visibilityTimeout * 1000);
      const now = this.#clock.now();
      if (messages.length > 0 || now >= end || this.#closed) return messages;
      const wake = new AbortController();
      const stop = () => wake.abort();
      this.#waiting.add(wake);
      options.signal?.addEventListener("abort", stop, { once: true });
      const next = this.#due.peek()?.at ?? end;
      await this.#clock.sleep(Math.max(1, Math.min(end, next) - now), wake.signal);
      options.signal?.removeEventListener("abort", stop);
      this.#waiting.delete(wake);
    }
  }

  /**
   * Deletes the message of a receipt. As in SQS, deleting with the outdated receipt of a message that was received
   * again succeeds without an effect, and a receipt whose visibility timeout has passed still deletes.
   */
  delete(receiptHandle: string): void {
    const { messageId, receive } = parseReceiptHandle(receiptHandle, this.name);
    if (this.#messages.get(messageId)?.receives === receive) this.#messages.delete(messageId);
  }

  /** Sets a new visibility timeout for a message in flight, counted from now. */
  changeVisibility(receiptHandle: string, visibilityMs: number): void {
    const { messageId, receive } = parseReceiptHandle(receiptHandle, this.name);
    const message = this.#messages.get(messageId);
    const now = this.#clock.now();
    if (!message || message.receives !== receive || message.visibleAt <= now) {
      throw new ServiceError("MessageNotInflight", `The message ${messageId} is not in flight with this receipt.`);
    }
    message.visibleAt = now + visibilityMs;
    this.#schedule(message);
    this.#wakeAll();
  }

  purge(): void {
    const now = this.#clock.now();
    if (now - this.#purgedAt < purgePauseMs) {
      throw new ServiceError("PurgeQueueInProgress", `The queue ${this.name} was purged within the last 60 seconds.`);
    }
    this.#purgedAt = now;
    this.#messages.clear();
    this.#due.clear();
  }

  counts(): QueueCounts {
    const now = this.#clock.now();
    let [visible, inFlight, delayed] = [0, 0, 0];
    for (const message of this.#messages.values()) {
      if (this.#isExpired(message, now)) continue;
      if (message.visibleAt <= now) visible += 1;
      else if (message.receives > 0) inFlight += 1;
      else delayed += 1;
    }
    return { visible, inFlight, delayed };
  }

  /** Whether the queue was deleted, or its service has stopped. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ends all long polls; later receives do not wait. */
  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  #take(max: number, visibilityMs: number): ReceivedMessage[] {
    const now = this.#clock.now();
    const taken: StoredMessage[] = [];
    while (taken.length < max) {
      const next = this.#due.peek();
      if (!next || next.at > now) break;
      this.#due.pop();
      const { message, generation } = next.item;
      if (this.#messages.get(message.id) !== message || message.generation !== generation) continue;
      if (this.#isExpired(message, now)) this.#messages.delete(message.id);
      else if (!this.#moveToDeadLetters(message)) taken.push(message);
    }
    return taken.map((message) => this.#receiveOne(message, now, visibilityMs));
  }

  #receiveOne(message: StoredMessage, now: number, visibilityMs: number): ReceivedMessage {
    message.receives += 1;
    message.firstReceivedAt ??= now;
    message.visibleAt = now + visibilityMs;
    this.#schedule(message);
    return {
      messageId: message.id,
      receiptHandle: formatReceiptHandle({ queueName: this.name, messageId: message.id, receive: message.receives }),
      body: message.body,
      md5OfBody: message.md5OfBody,
      systemAttributes: {
        SenderId: this.#senderId,
        SentTimestamp: String(message.sentAt),
        ApproximateReceiveCount: String(message.receives),
        ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
        ...message.extra,
      },
      attributes: message.attributes,
    };
  }

  /** Moves a message that was received `maxReceiveCount` times to the dead letter queue; it is not received again. */
  #moveToDeadLetters(message: StoredMessage): boolean {
    const redrive = this.settings.redrive;
    if (!redrive || message.receives < redrive.maxReceiveCount) return false;
    const target = this.#deadLetterQueue(redrive.deadLetterTargetArn);
    if (!target) return false;
    this.#messages.delete(message.id);
    const now = this.#clock.now();
    target.#add({ ...message, visibleAt: now, extra: { ...message.extra, DeadLetterQueueSourceArn: this.arn } });
    return true;
  }

  #add(message: StoredMessage): void {
    this.#messages.set(message.id, message);
    this.#schedule(message);
    this.#wakeAll();
  }

  #schedule(message: StoredMessage): void {
    message.generation += 1;
    this.#due.push(message.visibleAt, { message, generation: message.generation });
  }

  #isExpired(message: StoredMessage, now: number): boolean {
    return message.sentAt + this.settings.retentionSeconds * 1000 <= now;
  }

  #wakeAll(): void {
    for (const waiting of this.#waiting) waiting.abort();
  }
}
