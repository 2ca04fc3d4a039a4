import { Code, ConnectError } from "@connectrpc/connect";
import type { Batch, Recorded } from "../contract/stream.ts";
import { epoch, type Tail } from "../contract/tail.ts";
import type { OpenStream, StreamRequest } from "../upstream/event-stream.ts";
import type { ScriptedHistory } from "./history.ts";

export interface StreamScript {
  readonly history: ScriptedHistory;
  /** The number of events in the message that starts at a position, from 0; at least 1. Default 1. */
  readonly perMessage?: (position: number) => number;
  /** Called before an event is handed out. Never resolves if the process dies there. */
  readonly onEvent?: (recorded: Recorded<unknown>) => Promise<void>;
}

/** Opens a scripted history instead of a server's stream. Throws the error of nog's server for an unknown tail. */
export async function openScripted(script: StreamScript, { declaration, position, signal }: StreamRequest) {
  const events = script.history.after(position.after);
  const after = position.after ?? epoch;
  if (events) return new ScriptedStream(script, after, events, signal);
  const { tailUnknown } = declaration.definition;
  if (tailUnknown === "silent") return new ScriptedStream(script, after, [], signal);
  throw new ConnectError("the history has no such event: finding start failed", Code.Unknown);
}

/** The events of a scripted history up to its head. */
class ScriptedStream implements OpenStream {
  readonly #script: StreamScript;
  readonly #events: readonly Recorded<unknown>[];
  readonly #signal: AbortSignal;
  #closed = false;
  readonly after: Tail;
  delivered = 0;

  constructor(script: StreamScript, after: Tail, events: readonly Recorded<unknown>[], signal: AbortSignal) {
    this.after = after;
    this.#script = script;
    this.#events = events;
    this.#signal = signal;
  }

  get last(): Recorded<unknown> | undefined {
    return this.#events[this.delivered - 1];
  }

  get empty(): boolean {
    return this.#events.length === 0;
  }

  async *batches(): AsyncGenerator<Batch<unknown>> {
    while (this.delivered < this.#events.length && !this.#isOver) {
      const many = Math.max(1, this.#script.perMessage?.(this.delivered) ?? 1);
      const events = this.#events.slice(this.delivered, this.delivered + many);
      for (const recorded of events) await this.#script.onEvent?.(recorded);
      if (this.#isOver) return;
      this.delivered += events.length;
      yield { events };
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Recorded<unknown>> {
    for await (const { events } of this.batches()) {
      for (const recorded of events) {
        if (this.#isOver) return;
        yield recorded;
      }
    }
  }

  get #isOver(): boolean {
    return this.#closed || this.#signal.aborted;
  }

  continuesAfter(): boolean {
    return false;
  }

  async untilNews(): Promise<"ended"> {
    return "ended";
  }

  close(): void {
    this.#closed = true;
  }
}
