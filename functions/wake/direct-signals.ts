import type { SendMessageBatchRequestEntry, SQSClient } from "@aws-sdk/client-sqs";
import { describeError } from "../contract/error.ts";
import type { Clock } from "../foundation/clock.ts";
import type { Alarms } from "./alarms.ts";
import { type BatchService, sendBatches, type Unsent, UnsentError, unsentOf } from "./batch-sender.ts";
import { encodeBusEvent } from "./envelope.ts";
import type { LeaderName } from "./leader-name.ts";
import { isSignal, type Signal, type TaskWake, type WakeMessage } from "./wake.ts";

/** Errors worth another attempt, although SQS marks them as the sender's fault (SQS API model). */
const throttlingCodes: ReadonlySet<string> = new Set(["RequestThrottled", "KmsThrottled", "ThrottlingException"]);

/**
 * Alarms that send signals directly to the queue of the lazy function, and all other messages through `others`. Wakes
 * of tasks cannot go directly: the lazy function sends wakes itself, and Lambda stops a function that sends to its own
 * queue after about 16 invocations in a chain (AWS: invocation-recursion).
 */
export class DirectSignals implements Alarms {
  readonly #others: Alarms;
  readonly #queueUrl: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #connect: () => Promise<SQSClient>;
  #client: Promise<SQSClient> | undefined;

  constructor(
    others: Alarms,
    queueUrl: string,
    clock: Clock,
    random: () => number = Math.random,
    connect = async () => new (await loadSdk()).SQSClient({}),
  ) {
    this.#others = others;
    this.#queueUrl = queueUrl;
    this.#clock = clock;
    this.#random = random;
    this.#connect = connect;
  }

  async send(messages: readonly WakeMessage[]): Promise<void> {
    const signals = messages.filter(isSignal);
    const wakes = messages.filter((message) => !isSignal(message));
    // A failure of one must not keep the other from sending.
    const [direct, others] = await Promise.allSettled([
      sendBatches(signals, this.#queue(), this.#clock, this.#random),
      wakes.length > 0 && this.#others.send(wakes),
    ]);
    if (direct.status === "rejected" && others.status === "rejected") {
      throw bothFailed(direct.reason, signals, others.reason, wakes);
    }
    if (direct.status === "rejected") throw direct.reason;
    if (others.status === "rejected") throw others.reason;
  }

  sendAt(wake: TaskWake, at: number): Promise<void> {
    return this.#others.sendAt(wake, at);
  }

  sendQuarantined(wake: TaskWake): Promise<void> {
    return this.#others.sendQuarantined(wake);
  }

  startLeader(leader: LeaderName): Promise<void> {
    return this.#others.startLeader(leader);
  }

  #queue(): BatchService<Signal> {
    return {
      name: `queue ${this.#queueUrl}`,
      entries: "signals, the first with body",
      contentOf: encodeBusEvent,
      throttlingCodes,
      send: async (signals) => {
        const failed = await this.#sendBatch(
          signals.map((signal, i) => ({ Id: String(i), MessageBody: encodeBusEvent(signal) })),
        );
        return failed.flatMap(({ Id, Code = "", Message = "", SenderFault }): Unsent<Signal>[] => {
          const entry = signals[Number(Id)];
          const isTransient = SenderFault !== true || throttlingCodes.has(Code);
          return entry === undefined ? [] : [{ entry, code: Code, message: Message, isTransient }];
        });
      },
    };
  }

  async #sendBatch(Entries: SendMessageBatchRequestEntry[]) {
    const { SendMessageBatchCommand } = await loadSdk();
    this.#client ??= this.#connect();
    const client = await this.#client;
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: this.#queueUrl, Entries }));
    return Failed;
  }
}

/** One error for the signals and the wakes that were not sent. */
function bothFailed(
  direct: UnsentError,
  signals: readonly Signal[],
  others: unknown,
  wakes: readonly WakeMessage[],
): UnsentError {
  const { subject, expected, received } = direct;
  return new UnsentError(
    { subject, expected, received: `${received}; and ${describeError(others)}`, cause: direct.cause ?? others },
    [...unsentOf(direct, signals), ...unsentOf(others, wakes)],
  );
}

/** Loaded at the first signal, since most functions send none. */
const loadSdk = () => import("@aws-sdk/client-sqs");
