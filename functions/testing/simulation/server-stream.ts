import { Code, ConnectError } from "@connectrpc/connect";
import type { Circumstances } from "./circumstances.ts";
import { latencyMs, type SimulatedProcess } from "./process.ts";

/** What a stream has to say next; undefined if it has to wait for it. */
export type Next<M> = { readonly message: M } | "end" | undefined;

/** Where the messages of a stream come from. */
export interface MessageSource<M> {
  /** May throw what the server would. */
  next(): Next<M>;
  /** Calls `tell` when there may be more; returns what ends that. */
  watch(tell: () => void): () => void;
}

const brokenCodes: readonly Code[] = [
  Code.Unavailable,
  Code.Canceled,
  Code.Aborted,
  Code.Unknown,
  Code.Internal,
  Code.DeadlineExceeded,
];

/** A stream as it reaches a process: message by message, until it ends, breaks, is aborted, or says nothing more. */
export class ServerStream<M> implements AsyncIterableIterator<M> {
  readonly #circumstances: Circumstances;
  readonly #process: SimulatedProcess;
  readonly #source: MessageSource<M>;
  readonly #signal: AbortSignal;
  readonly #isBroken: () => boolean;
  readonly #isSlow: boolean;
  #isOver = false;

  constructor(
    circumstances: Circumstances,
    process: SimulatedProcess,
    source: MessageSource<M>,
    signal: AbortSignal,
    isBroken: () => boolean,
  ) {
    this.#circumstances = circumstances;
    this.#process = process;
    this.#source = source;
    this.#signal = signal;
    this.#isBroken = isBroken;
    this.#isSlow = circumstances.random.chance(circumstances.faults.slowStream);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<M>> {
    const { timeline, random } = this.#circumstances;
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      let unwatch = () => {};
      const settle = (act: () => void) => {
        unwatch();
        this.#signal.removeEventListener("abort", abort);
        act();
      };
      // What the client itself ends reaches it at once.
      const abort = () =>
        settle(() => {
          this.#isOver = true;
          reject(new ConnectError("This operation was aborted", Code.Canceled));
        });
      if (this.#signal.aborted) {
        abort();
        return;
      }
      this.#signal.addEventListener("abort", abort, { once: true });
      const arrive = (act: () => void) =>
        timeline.after(this.#isSlow ? random.between(2_000, 15_000) : latencyMs(random), () =>
          this.#process.deliver(() => {
            if (!this.#isOver) settle(act);
          }),
        );
      const check = (): void => {
        if (this.#isOver || this.#process.isDead) {
          unwatch();
          return;
        }
        const failure = this.#failure();
        if (failure === "silent") return;
        try {
          if (failure) throw failure;
          const next = this.#source.next();
          if (next === undefined) {
            unwatch();
            unwatch = this.#source.watch(() => {
              unwatch();
              timeline.after(latencyMs(random), check);
            });
          } else if (next === "end") arrive(() => resolve({ done: true, value: undefined }));
          else arrive(() => resolve({ done: false, value: next.message }));
        } catch (error) {
          arrive(() => {
            this.#isOver = true;
            reject(error);
          });
        }
      };
      timeline.after(latencyMs(random), check);
    });
  }

  #failure(): ConnectError | "silent" | undefined {
    const { random, faults } = this.#circumstances;
    if (this.#isBroken()) return broken(Code.Unavailable);
    if (random.chance(faults.resetStream)) return broken(random.pick(brokenCodes));
    return random.chance(faults.stallStream) ? "silent" : undefined;
  }
}

/** As a transport says it: with the reason behind it. */
export const broken = (code: Code): ConnectError =>
  new ConnectError("the connection broke", code, undefined, undefined, new Error("ECONNRESET"));
