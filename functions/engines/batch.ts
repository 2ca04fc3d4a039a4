import { describeError, isTailwakeError, TailwakeError } from "../contract/error.ts";
import { checkAddress } from "../contract/stream.ts";
import { type TaskRecord, taskName } from "../tasks/record.ts";
import { timerSlackMs } from "../tasks/transitions.ts";
import { Limiter } from "../upstream/limiter.ts";
import { type BusEvent, decodeBusEvent, ownMessage } from "../wake/envelope.ts";
import { isNews, isSignal, type Signal, type TaskWake } from "../wake/wake.ts";
import { take } from "./acquire.ts";
import type { Binding } from "./binding.ts";
import { type Invocation, type Machinery, rulesOf } from "./engine.ts";
import { runTask } from "./run.ts";
import { sendAtOrLeaveToScan, startTask } from "./start.ts";

/** One message of the queue, or one event of the bus. */
export interface Delivery {
  readonly id: string;
  /** The bus event, as JSON or parsed. */
  readonly body: unknown;
}

/** All that a batch has to say to one task. */
interface TaskWork {
  readonly name: string;
  readonly binding: Binding;
  readonly wakes: TaskWake[];
  /** The deliveries that fail if the task's work cannot be done. */
  readonly ids: Set<string>;
  readonly seen: TaskRecord | undefined;
}

/**
 * Handles a batch of deliveries: finds the tasks they are about, runs each once, all of them at the same time within
 * the limits, and returns the deliveries that failed, with their errors. A delivery that cannot be understood fails
 * alone; the others are not affected, and no tail moves for it.
 */
export async function runBatch(
  machinery: Machinery,
  deliveries: readonly Delivery[],
  invocation: Invocation,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  const fail = (ids: Iterable<string>, error: unknown) => {
    for (const id of ids) failures.set(id, error);
    const code = isTailwakeError(error) ? error.code : undefined;
    machinery.log.error("delivery failed", { messageIds: [...ids], code, err: describeError(error) });
  };
  const work = await sortByTask(machinery, deliveries, fail);
  const limits = new RunLimits(machinery);
  const lonely: TaskWork[] = [];

  const handle = async (one: TaskWork, isAlone: boolean) => {
    try {
      if (await runWork(machinery, one, invocation, isAlone)) lonely.push(one);
    } catch (error) {
      fail(one.ids, error);
    }
  };
  await Promise.all([...work.values()].map((one) => limits.run(one.binding, () => handle(one, false))));
  // What has killed invocations before runs with nothing beside it that it could take along (rule 8).
  for (const one of lonely.splice(0)) await handle(one, true);
  return failures;
}

/** Runs one task for the first of its wakes that takes it. True if it has to wait until it is alone. */
async function runWork(
  machinery: Machinery,
  { binding, wakes, seen, name }: TaskWork,
  invocation: Invocation,
  isAlone: boolean,
): Promise<boolean> {
  if (invocation.signal.aborted) {
    throw new TailwakeError({
      code: "too-late",
      subject: `run of ${name}`,
      expected: "to begin before the invocation's deadline",
      received: "its turn after the deadline",
    });
  }
  // News first: a run for an alarm clock would do, but must not keep news from being noted.
  for (const wake of [...wakes].sort((a, b) => Number(isNews(b.class)) - Number(isNews(a.class)))) {
    if (wake.notBefore !== undefined && wake.notBefore > machinery.clock.now() + timerSlackMs) {
      // The delay queue is shorter than the wait.
      await sendAtOrLeaveToScan(machinery, wake, wake.notBefore);
      continue;
    }
    const taking = await take(machinery, binding, wake, invocation, { seen, isAlone });
    if (taking.type === "alone") return true;
    if (taking.type === "taken") {
      await runTask(machinery, binding, taking.record, wake.class, invocation);
      return false;
    }
    if (taking.type === "noted") return false;
  }
  return false;
}

/** Finds the tasks that the deliveries are about. */
async function sortByTask(
  machinery: Machinery,
  deliveries: readonly Delivery[],
  fail: (ids: Iterable<string>, error: unknown) => void,
): Promise<Map<string, TaskWork>> {
  const work = new Map<string, TaskWork>();
  const add = (id: string, wake: TaskWake, seen?: TaskRecord) => {
    const name = taskName(wake.key);
    const binding = machinery.bindings.find(wake.key);
    const one = work.get(name) ?? { name, binding, wakes: [], ids: new Set(), seen };
    one.wakes.push(wake);
    one.ids.add(id);
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
      for (const signal of own ? [own] : await signalsIn(machinery, event)) {
        if (signal.kind !== undefined && !machinery.bindings.hasKind(signal.kind)) {
          throw machinery.bindings.unknownKind(signal.kind);
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
  // One strongly consistent Query an aggregate, however many signals name it.
  await Promise.all(
    [...signals].map(async ([entity, group]) => {
      try {
        const { tasks, malformed } = await machinery.store.tasksOf(entity);
        for (const record of tasks) {
          if (!group.signals.some(({ kind }) => kind === undefined || kind === record.kind)) continue;
          try {
            addSignaled(machinery, record, (wake) => {
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

/** Signals address lazy tasks that can run; others are passed over without a write (rule 4). */
function addSignaled(machinery: Machinery, record: TaskRecord, add: (wake: TaskWake) => void): void {
  if (record.paused || record.status === "completed" || record.status === "parked") return;
  const binding = machinery.bindings.find(record);
  if (!rulesOf(binding.engine).takesSignals) return;
  const { entity, kind, activity } = record;
  add({ class: "signal", key: { entity, kind, activity } });
}

/** The signals that a user's own bus event stands for; activities bound with `startOnSignal` get their task. */
async function signalsIn(machinery: Machinery, { source, detailType, detail }: BusEvent): Promise<Signal[]> {
  const declared = machinery.bindings.signalsOf(source, detailType);
  if (declared.length === 0) {
    throw new TailwakeError({
      code: "malformed-message",
      subject: "bus event",
      expected: "a source and detail-type that a stream of the app declares as its signal",
      received: `${source} / ${detailType}`,
    });
  }
  const signals: Signal[] = [];
  for (const { stream, signal } of declared) {
    const given = signal.address(detail);
    if (given === undefined) continue;
    const address = checkAddress(stream, given);
    for (const binding of machinery.bindings) {
      if (!binding.startOnSignal || binding.stream !== stream) continue;
      await startTask(machinery, binding.activity, address);
    }
    signals.push({ class: "signal", entity: stream.definition.entityId(address), kind: stream.kind });
  }
  return signals;
}

/** At most so many runs of one kind, and so many streams of one upstream, at once; kinds do not wait for each other. */
class RunLimits {
  readonly #machinery: Machinery;
  readonly #kinds = new Map<string, Limiter>();
  readonly #upstreams = new Map<string, Limiter>();

  constructor(machinery: Machinery) {
    this.#machinery = machinery;
  }

  run(binding: Binding, work: () => Promise<void>): Promise<void> {
    const { kind, upstream } = binding.stream;
    const ofKind = limiterOf(this.#kinds, kind, () => this.#machinery.limits.runsPerKind);
    const ofUpstream = limiterOf(this.#upstreams, upstream, () => this.#machinery.upstream(upstream).maxOpenStreams);
    return ofKind.run(() => ofUpstream.run(work));
  }
}

function limiterOf(limiters: Map<string, Limiter>, name: string, limit: () => number): Limiter {
  const known = limiters.get(name);
  if (known) return known;
  const limiter = new Limiter(limit());
  limiters.set(name, limiter);
  return limiter;
}
