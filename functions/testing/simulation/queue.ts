import type { QueueName } from "../../queue/queue-age.ts";
import type { SimulatedFunction } from "./function.ts";
import type { SimulatedWorld } from "./world.ts";

interface Message {
  readonly id: string;
  readonly body: string;
  readonly sentAt: number;
  visibleAt: number;
  receives: number;
}

/** As in infra/queues.yml. */
export interface QueueSettings {
  readonly name: QueueName;
  readonly delayMs: number;
  readonly batchSize: number;
  /** Maximum of concurrent invocations of the function. */
  readonly concurrency: number;
}

/** Called when a message is deleted, or moved to the dead-letter queue. */
export interface QueueObserver {
  onDelete?(body: string, sentAt: number): void;
  onLost?(body: string): void;
}

/** As in infra/queues.yml: a message that was not deleted becomes visible again after this time. */
const visibilityMs = 135_000;
/** As in infra/queues.yml: after this many receives a message goes to the dead-letter queue. */
const maxReceives = 5;

/** A poller receives a random choice of this many, the oldest. */
const reach = 100;

/** An SQS queue with its event source mapping: invokes the function with batches, and deletes what did not fail. */
export class SimulatedQueue {
  readonly #world: SimulatedWorld;
  readonly #settings: QueueSettings;
  readonly #target: SimulatedFunction;
  /** Messages that are delayed, visible, and received; in the order in which they become visible, or became so. */
  readonly #delayed = new Map<string, Message>();
  readonly #visible = new Map<string, Message>();
  readonly #received = new Map<string, Message>();
  readonly #observer: QueueObserver;
  #underWay = 0;
  #sent = 0;
  deadLetters = 0;

  constructor(world: SimulatedWorld, settings: QueueSettings, target: SimulatedFunction, observer: QueueObserver = {}) {
    this.#observer = observer;
    this.#world = world;
    this.#settings = settings;
    this.#target = target;
  }

  get size(): number {
    return this.#delayed.size + this.#visible.size + this.#received.size;
  }

  /** How long the message that waits longest has been visible, in milliseconds. */
  get oldestMs(): number {
    const now = this.#world.timeline.now;
    return [...this.#visible.values()].reduce((oldest, { visibleAt }) => Math.max(oldest, now - visibleAt), 0);
  }

  get sent(): number {
    return this.#sent;
  }

  send(body: string): void {
    const { timeline } = this.#world;
    const { name, delayMs } = this.#settings;
    const id = `${name}-${++this.#sent}`;
    const message = { id, body, sentAt: timeline.now, visibleAt: timeline.now + delayMs, receives: 0 };
    (delayMs === 0 ? this.#visible : this.#delayed).set(id, message);
    this.#pollFor(message);
  }

  /** Deletes a message, even if it has become visible or was received again meanwhile. */
  #delete(id: string): void {
    this.#visible.delete(id);
    this.#received.delete(id);
  }

  #pollFor(message: Message): void {
    const { timeline, random } = this.#world;
    // A poller collects messages for a moment.
    timeline.at(message.visibleAt + random.magnitude(1, 300), () => this.#poll());
  }

  #poll(): void {
    const { batchSize, concurrency } = this.#settings;
    while (this.#underWay < concurrency) {
      this.#showAgain(this.#delayed);
      this.#showAgain(this.#received);
      const visible = first(reach, this.#visible.values());
      if (visible.length === 0) return;
      const batch: Message[] = [];
      while (batch.length < batchSize && visible.length > 0) {
        const at = this.#world.random.whole(0, visible.length - 1);
        batch.push(...visible.splice(at, 1));
      }
      void this.#deliver(batch);
    }
  }

  /** Makes messages visible whose time has come. They are in the order of that time. */
  #showAgain(hidden: Map<string, Message>): void {
    for (const [id, message] of hidden) {
      if (message.visibleAt > this.#world.timeline.now) return;
      hidden.delete(id);
      this.#visible.set(id, message);
    }
  }

  async #deliver(batch: readonly Message[]): Promise<void> {
    const { timeline, random, faults } = this.#world;
    const received = batch.filter((message) => {
      message.receives++;
      message.visibleAt = timeline.now + visibilityMs;
      this.#visible.delete(message.id);
      if (message.receives <= maxReceives) {
        this.#received.set(message.id, message);
        return true;
      }
      this.deadLetters++;
      this.#observer.onLost?.(message.body);
      return false;
    });
    if (received.length === 0) return;
    this.#world.story.say(this.#settings.name, () => `delivers ${received.map(({ id }) => id).join(", ")}`);
    this.#underWay++;
    const answer = await this.#target.invoke({
      Records: received.map(({ id, body, sentAt, receives }) => ({
        messageId: id,
        body,
        eventSourceARN: `arn:aws:sqs:eu-central-1:123456789012:simulated-${this.#settings.name}`,
        attributes: { SentTimestamp: String(Math.floor(sentAt)), ApproximateReceiveCount: String(receives) },
      })),
    });
    this.#underWay--;
    const failed = answer.type === "answered" ? failuresIn(answer.value) : new Set(received.map(({ id }) => id));
    for (const message of received) {
      if (!failed.has(message.id)) {
        this.#observer.onDelete?.(message.body, message.sentAt);
        // Delivery is at least once: a deleted message may come again.
        if (random.chance(faults.doubleMessage)) this.#pollFor(message);
        else this.#delete(message.id);
      } else this.#pollFor(message);
    }
    this.#poll();
  }
}

function first<T>(count: number, values: Iterable<T>): T[] {
  const found: T[] = [];
  for (const value of values) {
    if (found.length === count) break;
    found.push(value);
  }
  return found;
}

function failuresIn(response: unknown): ReadonlySet<string> {
  const { batchItemFailures } = response as { batchItemFailures: readonly { itemIdentifier: string }[] };
  return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
}
