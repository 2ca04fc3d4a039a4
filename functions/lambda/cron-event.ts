import type { Task } from "../contract/activity.ts";
import { bestEffort } from "../engines/best-effort.ts";
import type { Meter } from "../engines/meter.ts";
import type { Ports } from "../engines/ports.ts";
import { recordTick } from "../tick/last-tick.ts";
import { type TickBudget, type TickReport, tick } from "../tick/tick.ts";
import type { LambdaContext } from "./context.ts";
import { openInvocation } from "./invocation.ts";

/** Runs one tick. Ignores the content of the schedule's event. */
export async function cronHandler(
  ports: Ports,
  roots: readonly Task[],
  budget: TickBudget,
  _event: unknown,
  context: LambdaContext,
): Promise<TickReport> {
  const invocation = openInvocation(ports, context.getRemainingTimeInMillis());
  try {
    const report = await tick(ports, roots, budget, invocation);
    ports.log.info("tick", { ...report });
    measure(ports.meter, report);
    const { control, clock } = ports;
    await bestEffort(ports, "tick not recorded", {}, () => recordTick(control, { at: clock.now(), report }));
    return report;
  } finally {
    invocation.end();
    ports.meter.publish();
  }
}

function measure(meter: Meter, { news, parked, overdue, oldestDueMs }: TickReport): void {
  meter.add("Ticks", 1);
  meter.add("OldestDueSeconds", oldestDueMs / 1000);
  if (overdue !== undefined) meter.add("DueBacklog", overdue);
  meter.add("ProbesWithNews", news);
  meter.add("Parked", parked);
}
