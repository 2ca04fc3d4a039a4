import type { Circumstances } from "./circumstances.ts";
import type { SimulatedFunction } from "./function.ts";

interface Message {
  readonly id: string;
  readonly body: string;
  readonly sentAt: number;
  visibleAt: number;
  receives: number;
}

export interface QueueSettings {
  readonly name: string;
  readonly delayMs: number;
  readonly batchSize: number;
  /** Invocations of the function at once. */
  readonly concurrency: number;
}

/** Hears what becomes of messages: deleted for good, or gone to the dead letters. */
export interface QueueObserver {
  onDelete?(body: string, sentAt: number): void;
  onLost?(body: string): void;
}

/** As in infra/queues.yml: a message that nobody deletes comes back after this time. */
const visibilityMs = 135_000;
/** … and so many times, then it goes to the dead letters. */
const maxReceives = 5;

/** A poller takes of so many, the oldest, those that it happens to get. */
const reach = 100;

/** A queue, and what takes its messages to the function in batches and deletes those that it does not name as failed. */
export class SimulatedQueue {
  readonly #circumstances: Circumstances;
  readonly #settings: QueueSettings;
  readonly #target: SimulatedFunction;
  /** What nobody can receive yet, what somebody can, and what somebody has: each in the order in which that ends or began. */
  readonly #delayed = new Map<string, Message>();
  readonly #visible = new Map<string, Message>();
  readonly #received = new Map<string, Message>();
  readonly #observer: QueueObserver;
  #underWay = 0;
  #sent = 0;
  deadLetters = 0;

  constructor(
    circumstances: Circumstances,
    settings: QueueSettings,
    target: SimulatedFunction,
    observer: QueueObserver = {},
  ) {
    this.#observer = observer;
    this.#circumstances = circumstances;
    this.#settings = settings;
    this.#target = target;
  }

  get size(): number {
    return this.#delayed.size + this.#visible.size + this.#received.size;
  }

  get sent(): number {
    return this.#sent;
  }

  send(body: string): void {
    const { timeline } = this.#circumstances;
    const { name, delayMs } = this.#settings;
    const id = `${name}-${++this.#sent}`;
    const message = { id, body, sentAt: timeline.now, visibleAt: timeline.now + delayMs, receives: 0 };
    (delayMs === 0 ? this.#visible : this.#delayed).set(id, message);
    this.#pollFor(message);
  }

  /** By the first receipt, though the message may be visible, or received, again meanwhile. */
  #delete(id: string): void {
    this.#visible.delete(id);
    this.#received.delete(id);
  }

  #pollFor(message: Message): void {
    const { timeline, random } = this.#circumstances;
    // Its poller has gathered what came meanwhile.
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
        const at = this.#circumstances.random.whole(0, visible.length - 1);
        batch.push(...visible.splice(at, 1));
      }
      void this.#deliver(batch);
    }
  }

  /** All of them become visible after the same time: in the order in which they are there. */
  #showAgain(hidden: Map<string, Message>): void {
    for (const [id, message] of hidden) {
      if (message.visibleAt > this.#circumstances.timeline.now) return;
      hidden.delete(id);
      this.#visible.set(id, message);
    }
  }

  async #deliver(batch: readonly Message[]): Promise<void> {
    const { timeline, random, faults } = this.#circumstances;
    const taken = batch.filter((message) => {
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
    if (taken.length === 0) return;
    this.#circumstances.story.say(this.#settings.name, () => `delivers ${taken.map(({ id }) => id).join(", ")}`);
    this.#underWay++;
    const answer = await this.#target.invoke({
      Records: taken.map(({ id, body, sentAt, receives }) => ({
        messageId: id,
        body,
        attributes: { SentTimestamp: String(Math.floor(sentAt)), ApproximateReceiveCount: String(receives) },
      })),
    });
    this.#underWay--;
    const failed = answer.type === "answered" ? failuresIn(answer.value) : new Set(taken.map(({ id }) => id));
    for (const message of taken) {
      if (!failed.has(message.id)) {
        this.#observer.onDelete?.(message.body, message.sentAt);
        // At least once: a deleted message may come again.
        if (random.chance(faults.doubleMessage)) this.#pollFor(message);
        else this.#delete(message.id);
      } else this.#pollFor(message);
    }
    this.#poll();
  }
}

function first<T>(count: number, values: Iterable<T>): T[] {
  const taken: T[] = [];
  for (const value of values) {
    if (taken.length === count) break;
    taken.push(value);
  }
  return taken;
}

function failuresIn(response: unknown): ReadonlySet<string> {
  const { batchItemFailures } = response as { batchItemFailures: readonly { itemIdentifier: string }[] };
  return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
}
