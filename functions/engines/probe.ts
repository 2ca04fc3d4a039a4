import { epoch } from "../contract/tail.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { openEventStream } from "../upstream/event-stream.ts";
import type { Binding } from "./binding.ts";
import type { Invocation, Machinery } from "./engine.ts";

/**
 * Is there anything after a sleeping task's tail? Opens the stream and looks, without the lease and without a write. An
 * upstream that fails, or does not know the tail, counts as news: the run will find out and log it.
 */
export async function hasNews(
  machinery: Machinery,
  binding: Binding,
  record: TaskRecord,
  invocation: Invocation,
): Promise<boolean> {
  const { signal } = invocation;
  try {
    const stream = await openEventStream({
      connection: machinery.upstream(binding.stream.upstream),
      declaration: binding.stream,
      address: record.address,
      position: { after: record.tail === epoch ? undefined : record.tail, watch: false },
      signal,
      clock: machinery.clock,
      random: machinery.random,
    });
    stream.close();
    return !stream.empty;
  } catch {
    return !signal.aborted;
  }
}
