import type { Ports } from "../engines/ports.ts";
import { type EagerReport, leadEagerShard } from "../leaders/eager-shard.ts";
import { leadSignals, type SignalsReport } from "../leaders/signals.ts";
import { decodeBusEvent } from "../wake/envelope.ts";
import { eagerShardOf, parseLeaderName } from "../wake/leader-name.ts";
import { ownFields } from "../wake/wake.ts";
import type { LambdaContext } from "./context.ts";
import { openInvocation } from "./invocation.ts";

/** The signals function: leads the signals, unless they have a leader. Ignores the content of its event. */
export async function signalsHandler(ports: Ports, _event: unknown, context: LambdaContext): Promise<SignalsReport> {
  return lead(ports, context, (invocation) => leadSignals(ports, invocation));
}

/** The eager function: leads the shard that the event names. Ignores a shard of another number of shards. */
export async function eagerHandler(
  ports: Ports,
  event: unknown,
  context: LambdaContext,
): Promise<EagerReport | undefined> {
  const { holder: leader } = ownFields(decodeBusEvent(event).detail);
  const shard = eagerShardOf(parseLeaderName(leader));
  if (!shard || shard.shards !== ports.limits.eagerShards) {
    ports.log.warn("no such shard", { leader, shards: ports.limits.eagerShards });
    return undefined;
  }
  return lead(ports, context, (invocation) => leadEagerShard(ports, shard, invocation));
}

async function lead<R extends SignalsReport | EagerReport>(
  ports: Ports,
  context: LambdaContext,
  work: (invocation: ReturnType<typeof openInvocation>) => Promise<R>,
): Promise<R> {
  const { log, meter } = ports;
  const invocation = openInvocation(ports, context.getRemainingTimeInMillis());
  try {
    const report = await work(invocation);
    log.info("led", { ...report });
    return report;
  } finally {
    invocation.end();
    meter.publish();
  }
}
