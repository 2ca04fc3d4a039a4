import { Code, ConnectError } from "@connectrpc/connect";
import { latencyMs, type SimulatedProcess } from "./process.ts";
import type { SimulatedWorld } from "./world.ts";

/** The next message of a stream, or its end; undefined if there is none yet. */
export type Next<M> = { readonly message: M } | "end" | undefined;

/** The source of the messages of a stream. */
export interface MessageSource<M> {
  /** May throw an error of the server. */
  next(): Next<M>;
  /** Calls `tell` when there may be more, until the returned function is called. */
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

/** What the server is like at the moment. */
export interface ServerState {
  /** Whether a message fails. */
  isBroken(): boolean;
  /** How long a message may take, in milliseconds; 0 for no time. */
  slowMs(): number;
}

/** A stream as a process receives it: message by message, until it ends, breaks, is aborted, or goes silent. */
export class ServerStream<M> implements AsyncIterableIterator<M> {
  readonly #world: SimulatedWorld;
  readonly #process: SimulatedProcess;
  readonly #source: MessageSource<M>;
  readonly #signal: AbortSignal;
  readonly #server: ServerState;
  readonly #isSlow: boolean;
  #isOver = false;

  constructor(
    world: SimulatedWorld,
    process: SimulatedProcess,
    source: MessageSource<M>,
    signal: AbortSignal,
    server: ServerState,
  ) {
    this.#world = world;
    this.#process = process;
    this.#source = source;
    this.#signal = signal;
    this.#server = server;
    this.#isSlow = world.random.chance(world.faults.slowStream);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<M>> {
    const { timeline, random } = this.#world;
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      let unwatch = () => {};
      const settle = (act: () => void) => {
        unwatch();
        this.#signal.removeEventListener("abort", abort);
        act();
      };
      // The client's own abort takes effect at once.
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
        timeline.after(this.#messageMs(), () =>
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

  #messageMs(): number {
    const { random } = this.#world;
    const slowMs = this.#server.slowMs();
    if (slowMs > 0) return random.between(slowMs / 4, slowMs);
    return this.#isSlow ? random.between(2_000, 15_000) : latencyMs(random);
  }

  #failure(): ConnectError | "silent" | undefined {
    const { random, faults } = this.#world;
    if (this.#server.isBroken()) return broken(Code.Unavailable);
    if (random.chance(faults.resetStream)) return broken(random.pick(brokenCodes));
    return random.chance(faults.stallStream) ? "silent" : undefined;
  }
}

/** The error of a transport whose connection broke, with its cause. */
export const broken = (code: Code): ConnectError =>
  new ConnectError("the connection broke", code, undefined, undefined, new Error("ECONNRESET"));
