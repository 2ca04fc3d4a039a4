import type { Binding } from "../engines/binding.ts";
import type { Ports } from "../engines/ports.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { isTailInDoubt, openTaskStream } from "./open-stream.ts";

/**
 * Whether there are events after a sleeping task's tail. Opens the stream, without the lease and without a write. An
 * upstream that fails or does not know the tail counts as news: the run will find out and log it. So does a tail that
 * the server has not shown to know for long, if it is silent about unknown tails.
 */
export async function hasNews(
  ports: Ports,
  binding: Binding,
  record: TaskRecord,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const stream = await openTaskStream(ports, binding, record, { tail: record.tail, watch: false, signal });
    stream.close();
    return !stream.empty || isTailInDoubt(binding, record, ports.clock.now());
  } catch {
    return !signal.aborted;
  }
}
