import { create } from "@bufbuild/protobuf";
import { describeError } from "../contract/error.ts";
import type { SignalSourceDeclaration } from "../contract/signal-source.ts";
import { errorCode } from "../engines/error-code.ts";
import type { Ports } from "../engines/ports.ts";

/**
 * How long a stream goes on after the next one was opened: nothing tells a client from when on the server sends it
 * signals (seed: nog 4450389, livebroadcastd.go, sends no headers before the first one).
 */
export const settleMs = 10_000;
const firstReconnectMs = 1_000;
/** The seed's own (nog 4450389, grpclazy.go). */
const maxReconnectMs = 15_000;

export interface SignalListener {
  onSignal(entity: string): void;
  /** Called after the stream was opened again: signals between the two may be lost. */
  onGap(why: string): void;
}

interface OpenSource {
  readonly openedAt: number;
  /** Resolves to why it ended. */
  readonly ended: Promise<unknown>;
  close(): void;
}

/**
 * Holds the stream of one source until `signal` aborts. One that breaks is opened again, with a gap; one that the
 * transport would break, because it is silent, is replaced in good time and without one.
 */
export async function holdSignalSource(
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
