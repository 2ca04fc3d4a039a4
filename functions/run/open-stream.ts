import { ConnectError } from "@connectrpc/connect";
import { checkAddress } from "../contract/stream.ts";
import { epoch, type Tail } from "../contract/tail.ts";
import type { Binding } from "../engines/binding.ts";
import { errorCode } from "../engines/error-code.ts";
import type { Ports } from "../engines/ports.ts";
import { type TaskRecord, taskName } from "../tasks/record.ts";
import type { OpenStream } from "../upstream/event-stream.ts";
import type { RunState } from "./run-state.ts";

/** How long to trust a tail without later events, if the kind's server is silent about unknown tails. */
const tailTrustMs = 6 * 3_600_000;

/** Opens a task's stream after a tail, and reports the result to the breaker. Throws the server's `ConnectError`. */
export async function openTaskStream(
  ports: Ports,
  binding: Binding,
  record: TaskRecord,
  { tail, watch, signal }: { readonly tail: Tail; readonly watch: boolean; readonly signal: AbortSignal },
): Promise<OpenStream> {
  const { upstream } = binding.stream;
  const span = ports.tracer.begin("tailwake.stream", { task: taskName(record), after: tail, watch });
  const failed = (error: unknown) => {
    ports.meter.add("StreamFailures", 1, { why: errorCode(error) });
    span.fail(error);
  };
  try {
    return await ports.openStream({
      connection: ports.upstream(upstream),
      declaration: binding.stream,
      // A record of an older version may lack a field of the address.
      address: checkAddress(binding.stream, record.address),
      position: { after: tail === epoch ? undefined : tail, watch },
      signal,
      clock: ports.clock,
      random: ports.random,
      listener: {
        broke: failed,
        closed({ delivered }) {
          span.set({ events: delivered });
          span.end();
        },
      },
    });
  } catch (error) {
    failed(error);
    span.end();
    throw error;
  } finally {
    await ports.breakers.report(upstream);
  }
}

/** Whether to look for the tail of a task in its whole stream, if no event follows the tail (rule 18). */
export function isTailInDoubt({ stream }: Binding, record: TaskRecord, now: number): boolean {
  if (stream.definition.tailUnknown !== "silent" || record.tail === epoch) return false;
  return now - (record.tailSeenAt ?? record.startedAt) >= tailTrustMs;
}

/**
 * The stream right after the run's tail (T1): the open one if it continues there, else a new one. It starts at epoch if
 * the server no longer knows the tail (rule 18).
 */
export async function openAfterTail(state: RunState): Promise<OpenStream> {
  const { progress } = state;
  const open = state.stream?.continuesAfter(progress.tail) ? state.stream : await openKnownTail(state);
  progress.assertContinuedBy(open);
  return open;
}

/** Opens the stream after the tail; from epoch if the server does not know the tail. */
async function openKnownTail(state: RunState): Promise<OpenStream> {
  const { ports, binding, progress, record } = state;
  const { tailUnknown } = binding.stream.definition;
  let stream: OpenStream;
  try {
    stream = await open(state);
  } catch (error) {
    const unknown = tailUnknown !== "silent" && error instanceof ConnectError && tailUnknown(error);
    if (!unknown || progress.tail === epoch) throw error;
    return startOver(state, error);
  }
  if (tailUnknown !== "silent") return stream;
  if (stream.empty && progress.tail !== epoch) {
    const { tail, tailSeenAt } = progress;
    const seen = { ...record, ...(tailSeenAt === "unchanged" ? {} : { tailSeenAt }), tail };
    if (!isTailInDoubt(binding, seen, ports.clock.now())) return stream;
    const known = await isInHistory(state);
    if (state.signal.aborted) return stream;
    if (!known) stream = await startOver(state, "not in the stream");
  }
  // The server has sent events after the tail, or those from epoch: it knows the tail.
  progress.tailSeen(ports.clock.now());
  return stream;
}

/** Opens the run's stream after its tail, and closes the one before. */
async function open(state: RunState): Promise<OpenStream> {
  const { ports, binding, record, watch, signal, progress } = state;
  state.stream?.close();
  const position = { tail: progress.tail, watch: watch !== undefined, signal };
  const stream = await openTaskStream(ports, binding, record, position);
  watch?.opened();
  state.readFrom(stream);
  return stream;
}

function startOver(state: RunState, err: unknown): Promise<OpenStream> {
  const afterEvent = state.progress.tail;
  state.log.warn("tail unknown to the upstream, reading from epoch", { afterEvent, err });
  state.progress.startOver(state.record);
  return open(state);
}

/** Reads the whole stream to find the run's tail, since the server is silent about unknown tails. */
async function isInHistory({ ports, binding, record, signal, progress: { tail } }: RunState): Promise<boolean> {
  const history = await openTaskStream(ports, binding, record, { tail: epoch, watch: false, signal });
  try {
    for await (const { events } of history.batches()) if (events.some(({ id }) => id === tail)) return true;
    return false;
  } finally {
    history.close();
  }
}
