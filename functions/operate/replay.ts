import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import type { Outcome } from "../contract/outcome.ts";
import type { Address } from "../contract/stream.ts";
import type { Tail } from "../contract/tail.ts";
import { noMeter } from "../engines/meter.ts";
import { type Invocation, type Ports, portsOf } from "../engines/ports.ts";
import { noTracer } from "../engines/tracer.ts";
import { type LogEntry, recordingLogger } from "../foundation/recording-logger.ts";
import { runTask } from "../run/run.ts";
import { MemoryControlStore } from "../tasks/memory-control.ts";
import { recentRuns } from "../tasks/recent-runs.ts";
import { type TaskRecord, taskName } from "../tasks/record.ts";
import { acquire } from "../tasks/transitions.ts";
import { MemoryAlarms } from "../wake/memory.ts";
import { CopiedStore } from "./copied-store.ts";
import { nameOfMethod, type RecordedCall, recordingTransport } from "./recording-transport.ts";

export interface ReplayOptions {
  /** Where to begin. Default: the stored tail, with the stored view. Any other tail begins with an empty view. */
  readonly from?: Tail | undefined;
  /** Methods to call, as `package.Service/Method`, besides those whose definition says that they have no side effects. */
  readonly send?: readonly string[];
  /** Aborts the run: it commits and hands over, as at the deadline of an invocation. */
  readonly signal: AbortSignal;
}

/** The effects that the run would have had. */
export interface Replay {
  readonly outcome: Outcome;
  /** The record before the run, made ready. */
  readonly before: TaskRecord;
  /** The record after the run. */
  readonly after: TaskRecord;
  /** The views as JSON; undefined if there is none. */
  readonly viewBefore: string | undefined;
  readonly viewAfter: string | undefined;
  /** Events handed to the activity. */
  readonly events: number;
  /** Calls of the activity, in order. */
  readonly calls: readonly RecordedCall[];
  readonly started: readonly { readonly activity: string; readonly address: Address }[];
  readonly log: readonly LogEntry[];
}

const invocationMs = 900_000;

/**
 * Runs a task's activity once, with the code in this process, over the real stream. Everything else is in memory: the
 * run acquires and commits a copy of the record and sends no wakes; its calls are recorded, and only those that read are
 * sent. Reads the records of other tasks from the real table. Records only effects through `run.client` and `run.start`;
 * other effects of the activity are real. Throws a `TailwakeError` for an unknown kind or activity.
 */
export async function replay(
  real: Ports,
  record: TaskRecord,
  { from, send = [], signal }: ReplayOptions,
): Promise<Replay> {
  const calls: RecordedCall[] = [];
  const started: { readonly activity: string; readonly address: Address }[] = [];
  const log: LogEntry[] = [];
  const outcomes: Outcome[] = [];
  const { clock } = real;
  const store = new CopiedStore((key) => real.store.get(key));
  const streams = new Set<DescMethod>([...real.bindings.streams].map(({ definition }) => definition.method));
  const isStream = (method: DescMethod) => streams.has(method);
  const isRead = (method: DescMethod) =>
    method.idempotency === Idempotency.NO_SIDE_EFFECTS || send.includes(nameOfMethod(method));
  const upstream = (name: string) => {
    const connection = real.upstream(name);
    return { ...connection, transport: recordingTransport(connection.transport, calls, isStream, isRead), close() {} };
  };
  const key = { entity: record.entity, kind: record.kind, activity: record.activity };
  // Lists every port to the world outside, so that no real port that writes gets in, even if one is added later.
  const ports = portsOf(
    { bindings: real.bindings, limits: real.limits, signalSources: [] },
    {
      store,
      control: new MemoryControlStore(),
      alarms: new MemoryAlarms(clock),
      clock,
      random: Math.random,
      newToken: () => "replay",
      upstream,
      openStream: real.openStream,
      exit(task) {
        throw new Error(`the activity of ${task} ignored the abort`);
      },
    },
    {
      log: recordingLogger(log),
      meter: noMeter,
      tracer: noTracer,
      observer: {
        onStart: (child, address) => void started.push({ activity: child.name, address }),
        onOutcome: (task, outcome) => void (taskName(task) === taskName(key) && outcomes.push(outcome)),
      },
    },
  );
  const binding = ports.bindings.find(record);
  const viewBefore = record.view ?? (record.viewRef && (await real.store.getView(record, record.viewRef)));
  const before = beginning(record, from);
  store.copy(before);
  if (before.viewRef && viewBefore) await store.putView(key, before.viewRef, viewBefore);
  const now = clock.now();
  const claim = {
    token: "replay",
    leaseUntil: now + invocationMs,
    engine: binding.engine,
    eagerBucket: undefined,
    inQuarantine: true,
    now,
  } as const;
  const acquired = await store.update(key, acquire(claim, { sleeping: true, early: true, fence: undefined }));
  if (!acquired.applied) throw new Error(`${taskName(key)}: the copy of its record could not be acquired`);
  const after = await runTask(ports, binding, acquired.record, "operator", invocationOf(now, signal));
  const outcome = outcomes.at(-1);
  if (!outcome) throw new Error(`${taskName(key)}: the run ended without an outcome`);
  const viewAfter = after.view ?? (after.viewRef && (await store.getView(key, after.viewRef)));
  const events = recentRuns(after.runs)[0]?.events ?? 0;
  return { outcome, before, after, viewBefore, viewAfter, events, calls, started, log };
}

/** The record, made ready to run; with `from`, as after a rewind. */
function beginning(record: TaskRecord, from: Tail | undefined): TaskRecord {
  const { token: _token, leaseUntil: _lease, paused: _paused, notBefore: _time, ...rest } = record;
  const ready = { ...rest, status: "ready", strikes: 0 } as const;
  if (from === undefined) return ready;
  const { view: _view, viewRef: _ref, viewVersion: _version, acted: _acted, actedAhead: _ahead, ...viewless } = ready;
  return { ...viewless, tail: from };
}

function invocationOf(now: number, signal: AbortSignal): Invocation {
  const hardEnd = now + invocationMs;
  return { signal, deadline: hardEnd, abandonAt: hardEnd, hardEnd, abandoned() {} };
}
