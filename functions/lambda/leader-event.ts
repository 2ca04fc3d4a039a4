import type { Machinery } from "../engines/ports.ts";
import { type EagerReport, holdEagerShard } from "../leaders/eager-shard.ts";
import { holdSignals, type SignalsReport } from "../leaders/signals.ts";
import { decodeBusEvent } from "../wake/envelope.ts";
import { eagerShardOf, parseHolderName } from "../wake/leader-name.ts";
import { ownFields } from "../wake/wake.ts";
import type { LambdaContext } from "./context.ts";
import { openInvocation } from "./invocation.ts";

/** The signals function: whatever event it is started with, it holds the signals, unless somebody does. */
export async function signalsHandler(
  machinery: Machinery,
  _event: unknown,
  context: LambdaContext,
): Promise<SignalsReport> {
  return held(machinery, context, (invocation) => holdSignals(machinery, invocation));
}

/** The eager function: an event names the shard to hold. One of an earlier division into shards is passed over. */
export async function eagerHandler(
  machinery: Machinery,
  event: unknown,
  context: LambdaContext,
): Promise<EagerReport | undefined> {
  const { holder } = ownFields(decodeBusEvent(event).detail);
  const shard = eagerShardOf(parseHolderName(holder));
  if (!shard || shard.shards !== machinery.limits.eagerShards) {
    machinery.log.warn("no such shard", { holder, shards: machinery.limits.eagerShards });
    return undefined;
  }
  return held(machinery, context, (invocation) => holdEagerShard(machinery, shard, invocation));
}

async function held<R extends SignalsReport | EagerReport>(
  machinery: Machinery,
  context: LambdaContext,
  hold: (invocation: ReturnType<typeof openInvocation>) => Promise<R>,
): Promise<R> {
  const { log, meter } = machinery;
  const invocation = openInvocation(machinery, context.getRemainingTimeInMillis());
  try {
    const report = await hold(invocation);
    log.info("held", { ...report });
    return report;
  } finally {
    invocation.end();
    meter.publish();
  }
}
