import type { Clock } from "../../functions/foundation/clock.ts";
import { type AccountRegion, formatArn } from "./arn.ts";
import { ServiceError } from "./service-error.ts";
import { applyQueueAttributes, defaultQueueSettings, invalidAttribute, queueAttributesOf } from "./sqs-attributes.ts";
import { SqsQueue } from "./sqs-queue.ts";

export interface SqsOptions {
  readonly clock: Clock;
  readonly accountRegion: AccountRegion;
  /** Origin of the queues' URLs, such as `http://127.0.0.1:4566`. */
  readonly baseUrl: string;
}

type Attributes = Readonly<Record<string, string>>;

const queueNameRule = /^[A-Za-z0-9_-]{1,80}$/;

/** The standard queues of one account and region. */
export class Sqs {
  readonly #options: SqsOptions;
  readonly #queues = new Map<string, SqsQueue>();

  constructor(options: SqsOptions) {
    this.#options = options;
  }

  /**
   * Creates a queue. Returns the existing queue of that name if its attributes equal the given ones; throws
   * QueueNameExists otherwise.
   */
  createQueue(name: string, attributes: Attributes = {}): SqsQueue {
    if (!queueNameRule.test(name)) {
      const hint = name.endsWith(".fifo") ? " FIFO queues are not supported here." : "";
      throw new ServiceError(
        "InvalidParameterValue",
        `A queue name must be 1-80 letters, digits, hyphens or underscores, but is '${name}'.${hint}`,
      );
    }
    const settings = applyQueueAttributes(defaultQueueSettings, attributes);
    const existing = this.#queues.get(name);
    if (existing) {
      const current = queueAttributesOf(existing.settings);
      const wanted = queueAttributesOf(settings);
      const differing = Object.keys(attributes).find((key) => current[key] !== wanted[key]);
      if (differing === undefined) return existing;
      throw new ServiceError(
        "QueueNameExists",
        `The queue ${name} exists with another value for the attribute ${differing}.`,
      );
    }
    if (settings.redrive) this.#requireDeadLetterQueue(settings.redrive.deadLetterTargetArn);
    const { clock, accountRegion, baseUrl } = this.#options;
    const queue = new SqsQueue({
      name,
      arn: formatArn("sqs", accountRegion, name),
      url: `${baseUrl}/${accountRegion.account}/${name}`,
      settings,
      clock,
      senderId: accountRegion.account,
      deadLetterQueue: (arn) => this.findByArn(arn),
    });
    this.#queues.set(name, queue);
    return queue;
  }

  setAttributes(queue: SqsQueue, attributes: Attributes): void {
    const settings = applyQueueAttributes(queue.settings, attributes);
    if (settings.redrive) this.#requireDeadLetterQueue(settings.redrive.deadLetterTargetArn);
    queue.settings = settings;
  }

  deleteQueue(queue: SqsQueue): void {
    this.#queues.delete(queue.name);
    queue.close();
  }

  /** The queue of that name. Throws QueueDoesNotExist when there is none. */
  queue(name: string): SqsQueue {
    const queue = this.#queues.get(name);
    if (queue) return queue;
    throw new ServiceError("QueueDoesNotExist", `The specified queue does not exist: ${name}.`);
  }

  /** The queue of a URL such as `http://127.0.0.1:4566/123456789012/orders`; only the path is compared. */
  queueByUrl(url: string): SqsQueue {
    const [, account, name] = /^https?:\/\/[^/]+\/([^/]*)\/([^/]*)$/.exec(url) ?? [];
    if (account === undefined || name === undefined) {
      throw new ServiceError("InvalidAddress", `The address '${url}' is not the URL of a queue.`, 404);
    }
    if (account !== this.#options.accountRegion.account) {
      throw new ServiceError("QueueDoesNotExist", `The specified queue does not exist: ${url}.`);
    }
    return this.queue(name);
  }

  findByArn(arn: string): SqsQueue | undefined {
    for (const queue of this.#queues.values()) if (queue.arn === arn) return queue;
    return undefined;
  }

  queues(): readonly SqsQueue[] {
    return [...this.#queues.values()];
  }

  /** Ends all long polls. */
  close(): void {
    for (const queue of this.#queues.values()) queue.close();
  }

  #requireDeadLetterQueue(arn: string): void {
    if (this.findByArn(arn)) return;
    throw invalidAttribute("RedrivePolicy", "the ARN of an existing dead letter queue", arn);
  }
}
