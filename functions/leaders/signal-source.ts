import { create } from "@bufbuild/protobuf";
import { describeError } from "../contract/error.ts";
import type { SignalSourceDeclaration } from "../contract/signal-source.ts";
import { errorCode } from "../engines/error-code.ts";
import type { Ports } from "../engines/ports.ts";

/**
 * How long a stream stays open after the next one was opened. A client cannot tell when the server begins to send it
 * signals: that of nog sends no headers before the first one (livebroadcastd.go, `AggregateSignals`, at commit 4450389).
 */
export const settleMs = 10_000;
const firstReconnectMs = 1_000;
/** The delay of nog's Go packages (grpclazy.go:18 at commit 4450389). */
const maxReconnectMs = 15_000;

export interface SignalListener {
  onSignal(entity: string): void;
  /** Called after the stream was opened again: signals in between may be lost. */
  onGap(why: string): void;
}

interface OpenSource {
  readonly openedAt: number;
  /** Resolves to the error that ended it. */
  readonly ended: Promise<unknown>;
  close(): void;
}

/**
 * Holds the stream of one source open until `signal` aborts. Opens a stream that broke again, with a gap. Replaces a
 * silent stream before the transport would break it, without a gap.
 */
export async function listenToSource(
  ports: Ports,
  source: SignalSourceDeclaration,
  signal: AbortSignal,
  listener: SignalListener,
): Promise<void> {
  const { clock, log, random, upstream, meter } = ports;
  const { idleLimitMs } = upstream(source.upstream);
  let failures = 0;
  let stream = openSource(ports, source, signal, listener);
  while (!signal.aborted) {
    const end = await endOrIdle(ports, stream, idleLimitMs, signal);
    if (signal.aborted) break;
    const previous = stream;
    if (end === idle) {
      stream = openSource(ports, source, signal, listener);
      void clock.sleep(settleMs, signal).then(() => previous.close());
      continue;
    }
    failures = clock.now() - previous.openedAt > maxReconnectMs ? 1 : failures + 1;
    const fullMs = Math.min(maxReconnectMs, firstReconnectMs * 2 ** (failures - 1));
    const retryInMs = Math.round(fullMs / 2 + (fullMs / 2) * random());
    meter.add("StreamFailures", 1, { why: errorCode(end) });
    log.warn("signal stream broke", { source: source.name, err: describeError(end), retryInMs });
    await clock.sleep(retryInMs, signal);
    if (signal.aborted) break;
    stream = openSource(ports, source, signal, listener);
    listener.onGap(`${source.name} broke`);
  }
  stream.close();
  await stream.ended;
}

const idle = Symbol("idle");

async function endOrIdle(
  { clock }: Pick<Ports, "clock">,
  { ended }: OpenSource,
  idleLimitMs: number | undefined,
  signal: AbortSignal,
): Promise<unknown> {
  if (idleLimitMs === undefined) return ended;
  const over = new AbortController();
  try {
    return await Promise.race([
      ended,
      clock.sleep(idleLimitMs, AbortSignal.any([signal, over.signal])).then(() => idle),
    ]);
  } finally {
    over.abort();
  }
}

function openSource(
  { upstream, clock }: Pick<Ports, "upstream" | "clock">,
  { method, request, read, upstream: name }: SignalSourceDeclaration,
  signal: AbortSignal,
  { onSignal }: SignalListener,
): OpenSource {
  const closing = new AbortController();
  const { transport } = upstream(name);
  const listen = async (): Promise<unknown> => {
    try {
      const message = create(method.input, request());
      const ends = AbortSignal.any([signal, closing.signal]);
      const response = await transport.stream(method, ends, undefined, undefined, once(message));
      for await (const next of response.message as AsyncIterable<object>) for (const id of read(next)) onSignal(id);
      return new Error("the server ended it");
    } catch (error) {
      return error;
    } finally {
      closing.abort();
    }
  };
  return { openedAt: clock.now(), ended: listen(), close: () => closing.abort() };
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}
