import { describeError, describeValue, isTailwakeError, TailwakeError } from "../contract/error.ts";
import { checkAddress, type SignalDeclaration, type StreamDeclaration } from "../contract/stream.ts";
import type { Binding } from "../engines/binding.ts";
import type { BreakerDecision } from "../engines/breakers.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { type Need, Slots } from "../engines/slots.ts";
import { acquireFor } from "../run/acquire.ts";
import { runTask } from "../run/run.ts";
import { sendAtOrLeaveToScan, startTask } from "../run/start.ts";
import { keepNews } from "../run/tell.ts";
import { type TaskRecord, taskName } from "../tasks/record.ts";
import { standingOf } from "../tasks/standing.ts";
import { strikesToQuarantine, timerSlackMs } from "../tasks/times.ts";
import { type BusEvent, decodeBusEvent, ownMessage } from "../wake/envelope.ts";
import { isNews, isSignal, type Signal, type TaskWake } from "../wake/wake.ts";

/** One message of the queue, or one event of the bus. */
export interface Delivery {
  readonly id: string;
  /** The bus event, as JSON or parsed. */
  readonly body: unknown;
  /** In milliseconds since 1970; absent if unknown, or if the message was delivered before. */
  readonly sentAt?: number | undefined;
}

/** The work of a batch for one task. */
interface TaskWork {
  readonly name: string;
  readonly binding: Binding;
  readonly wakes: TaskWake[];
  /** The deliveries that fail if the work fails. */
  readonly ids: Set<string>;
  /** Since when there is work, in milliseconds since 1970; infinite if unknown. */
  since: number;
  readonly seen: TaskRecord | undefined;
}

/**
 * Handles a batch of deliveries: finds their tasks and runs each once, concurrently within the limits. Resolves to the
 * deliveries that failed, with their errors. A malformed delivery fails by itself, and moves no tail.
 */
export async function runBatch(
  ports: Ports,
  deliveries: readonly Delivery[],
  invocation: Invocation,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  const fail = (ids: Iterable<string>, error: unknown) => {
    for (const id of ids) failures.set(id, error);
    const code = isTailwakeError(error) ? error.code : undefined;
    ports.log.error("delivery failed", { messageIds: [...ids], code, err: describeError(error) });
  };
  const work = await sortByTask(ports, deliveries, fail);
  const slots = new Slots();
  const inQuarantine = work.size === 1;
  await Promise.all(
    [...work.values()].map((one) =>
      slots.run(needsOf(ports, one.binding), async () => {
        try {
          await runWork(ports, one, invocation, inQuarantine);
        } catch (error) {
          fail(one.ids, error);
        }
      }),
    ),
  );
  return failures;
}

/** Runs one task for the first of its wakes that acquires it. */
async function runWork(ports: Ports, work: TaskWork, invocation: Invocation, inQuarantine: boolean): Promise<void> {
  const { binding, wakes, seen, name } = work;
  if (invocation.signal.aborted) {
    throw new TailwakeError({
      code: "too-late",
      subject: `run of ${name}`,
      expected: "to begin before the invocation's deadline",
      received: "its turn after the deadline",
    });
  }
  // News first, so that it is acquired or recorded even if another wake would run the task.
  const ordered = [...wakes].sort((a, b) => Number(isNews(b.class)) - Number(isNews(a.class)));
  const [first] = ordered;
  if (!first) return;
  if (rulesOf(binding.engine).runBy === "leader" && !(await runsInQuarantine(ports, first, inQuarantine))) {
    if (isNews(first.class)) await keepNews(ports, first.key, first.class);
    return;
  }
  const { upstream } = binding.stream;
  for (const wake of ordered) {
    if (wake.notBefore !== undefined && wake.notBefore > ports.clock.now() + timerSlackMs) {
      // The wait is longer than the delay queue's. If news cannot be sent again, its delivery must fail and come again.
      if (isNews(wake.class)) await ports.alarms.sendAt(wake, wake.notBefore);
      else await sendAtOrLeaveToScan(ports, wake, wake.notBefore);
      continue;
    }
    const decision = await ports.breakers.admit(upstream);
    if (decision.type !== "go") return putOff(ports, wake, decision);
    const acquired = await acquireFor(ports, binding, wake, invocation, { seen, inQuarantine });
    if (acquired.type === "acquired") {
      const now = ports.clock.now();
      if (Number.isFinite(work.since)) ports.meter.add("WakeToRunMs", Math.max(0, now - work.since));
      await runTask(ports, binding, acquired.record, wake.class, invocation);
      return ports.breakers.report(upstream);
    }
    if (decision.isTrial) await ports.breakers.release(upstream);
    // A task whose runs died runs in quarantine, where it can kill no other run (rule 8).
    if (acquired.type === "quarantine") return ports.alarms.sendQuarantined(wake);
    if (acquired.type === "recorded") return;
  }
}

/** Whether to run an eager task here: only in quarantine, since its leader does not run a task that has killed it. */
async function runsInQuarantine(
  { store }: Pick<Ports, "store">,
  wake: TaskWake,
  inQuarantine: boolean,
): Promise<boolean> {
  if (!inQuarantine || isNews(wake.class)) return false;
  return ((await store.get(wake.key))?.strikes ?? 0) >= strikesToQuarantine;
}

/**
 * Puts off a wake whose upstream is out or paused, without a stream (rule 12). While the upstream is out, sends the wake
 * again for the time of the next trial, except those that the due scan repeats anyway. While an operator has the
 * upstream paused, which may take days, keeps only news, in the record; a tick finds the task afterwards.
 */
async function putOff(
  ports: Pick<Ports, "alarms" | "store" | "clock">,
  wake: TaskWake,
  decision: BreakerDecision,
): Promise<void> {
  if (decision.type === "wait") {
    if (wake.class === "rescue" || wake.class === "probe") return;
    await ports.alarms.sendAt(wake, decision.at);
  } else if (isNews(wake.class)) await keepNews(ports, wake.key, wake.class);
}

/** Finds the tasks of the deliveries. */
async function sortByTask(
  ports: Ports,
  deliveries: readonly Delivery[],
  fail: (ids: Iterable<string>, error: unknown) => void,
): Promise<Map<string, TaskWork>> {
  const work = new Map<string, TaskWork>();
  const sentAt = new Map(deliveries.map((delivery) => [delivery.id, delivery.sentAt]));
  const add = (id: string, wake: TaskWake, seen?: TaskRecord) => {
    const name = taskName(wake.key);
    const binding = ports.bindings.find(wake.key);
    const one = work.get(name) ?? { name, binding, wakes: [], ids: new Set(), since: Number.POSITIVE_INFINITY, seen };
    one.wakes.push(wake);
    one.ids.add(id);
    const sent = sentAt.get(id);
    // A wake for a later time is sent before that time.
    const since = sent === undefined ? Number.POSITIVE_INFINITY : Math.max(sent, wake.notBefore ?? 0);
    one.since = Math.min(one.since, since);
    work.set(name, one);
  };
  const signals = new Map<string, { readonly ids: string[]; readonly signals: Signal[] }>();
  for (const { id, body } of deliveries) {
    try {
      const event = decodeBusEvent(body);
      const own = ownMessage(event);
      if (own && !isSignal(own)) {
        add(id, own);
        continue;
      }
      const { signals: found, failed } = own ? { signals: [own], failed: [] } : await signalsIn(ports, event);
      // If a task could not be started, the existing ones still get the signal.
      for (const error of failed) fail([id], error);
      for (const signal of found) {
        if (signal.kind !== undefined && !ports.bindings.hasKind(signal.kind)) {
          throw ports.bindings.unknownKind(signal.kind);
        }
        const group = signals.get(signal.entity) ?? { ids: [], signals: [] };
        group.ids.push(id);
        group.signals.push(signal);
        signals.set(signal.entity, group);
      }
    } catch (error) {
      fail([id], error);
    }
  }
  // One strongly consistent Query per aggregate, for all its signals.
  await Promise.all(
    [...signals].map(async ([entity, group]) => {
      try {
        const { tasks, malformed } = await ports.store.tasksOf(entity);
        for (const record of tasks) {
          if (!group.signals.some(({ kind }) => kind === undefined || kind === record.kind)) continue;
          try {
            addSignaled(ports, record, (wake) => {
              for (const id of group.ids) add(id, wake, record);
            });
          } catch (error) {
            fail(group.ids, error);
          }
        }
        for (const error of malformed) fail(group.ids, error);
      } catch (error) {
        fail(group.ids, error);
      }
    }),
  );
  return work;
}

/** Adds a wake for a lazy task that can run, or an eager task that sleeps. Others cost no write (rule 4). */
function addSignaled(ports: Ports, record: TaskRecord, add: (wake: TaskWake) => void): void {
  const standing = standingOf(record, ports.clock.now());
  if (standing.type === "stopped" || standing.type === "done") return;
  const { onSignal } = rulesOf(ports.bindings.find(record).engine);
  if (onSignal === "ignore" || (onSignal === "keep" && standing.type !== "asleep")) return;
  const { entity, kind, activity } = record;
  add({ class: "signal", key: { entity, kind, activity } });
}

/** The signals that a service's bus event stands for. Starts the tasks of activities bound with `startOnSignal`. */
async function signalsIn(
  ports: Ports,
  { source, detailType, detail }: BusEvent,
): Promise<{ readonly signals: readonly Signal[]; readonly failed: readonly unknown[] }> {
  const declared = ports.bindings.signalsOf(source, detailType);
  if (declared.length === 0) {
    throw new TailwakeError({
      code: "malformed-message",
      subject: "bus event",
      expected: "a source and detail-type that a stream of the app declares as its signal",
      received: `${describeValue(source)} / ${describeValue(detailType)}`,
    });
  }
  const signals: Signal[] = [];
  const failed: unknown[] = [];
  for (const { stream, signal } of declared) {
    const given = addressIn(detail, stream, signal);
    if (given === undefined) continue;
    const address = checkAddress(stream, given);
    for (const binding of ports.bindings) {
      if (!binding.startOnSignal || binding.stream !== stream) continue;
      // The signal finds the new task, and runs it.
      await startTask(ports, binding.activity, address, "caller").catch((error: unknown) => failed.push(error));
    }
    signals.push({ class: "signal", entity: stream.definition.entityId(address), kind: stream.kind });
  }
  return { signals, failed };
}

/** Calls the author's function, which may trust its service's events. Its error becomes "malformed-message". */
function addressIn(detail: unknown, { kind }: StreamDeclaration, { address, detailType }: SignalDeclaration<string>) {
  try {
    return address(detail);
  } catch (error) {
    throw new TailwakeError({
      code: "malformed-message",
      subject: `detail of bus event ${detailType}`,
      expected: `what the signal of kind ${kind} finds its address in`,
      received: `${describeValue(detail)}: ${describeError(error)}`,
      cause: error,
    });
  }
}

/** Maximum of open streams of one upstream in one invocation, unless the app sets `maxOpenStreams`. */
const defaultMaxOpenStreams = 100;

/** The slots that a run needs. */
function needsOf({ limits, upstream }: Pick<Ports, "limits" | "upstream">, { stream, declaration }: Binding): Need[] {
  const needs: Need[] = [
    { name: "invocation", limit: limits.runs },
    { name: `kind ${stream.kind}`, limit: limits.runsPerKind },
    { name: `upstream ${stream.upstream}`, limit: upstream(stream.upstream).maxOpenStreams ?? defaultMaxOpenStreams },
  ];
  const { resource } = declaration;
  if (resource !== undefined) needs.push({ name: `resource ${resource}`, limit: limits.resources[resource] ?? 1 });
  return needs;
}
