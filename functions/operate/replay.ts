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
  /** Where it begins; default the stored tail, with the stored view. From elsewhere the view is made anew. */
  readonly from?: Tail | undefined;
  /** Methods, as `package.Service/Method`, that only read and are called; those that say so in their definition are. */
  readonly send?: readonly string[];
  /** The run is to end: it commits and hands over, as before the end of an invocation. */
  readonly signal: AbortSignal;
}

/** What a run of the code here would have done. */
export interface Replay {
  readonly outcome: Outcome;
  /** Before and after. */
  readonly before: TaskRecord;
  readonly after: TaskRecord;
  /** As JSON; undefined if there is none. */
  readonly viewBefore: string | undefined;
  readonly viewAfter: string | undefined;
  readonly events: number;
  /** Calls that the activity made, in order. */
  readonly calls: readonly RecordedCall[];
  readonly started: readonly { readonly activity: string; readonly address: Address }[];
  readonly log: readonly LogEntry[];
}

const invocationMs = 900_000;

/**
 * One run of a task's activity, of the code in this process, over the real stream, with everything else in memory: it
 * acquires and commits a copy of the record, wakes nobody, and its calls are noted and not sent, but for those that read.
 * Other tasks it finds as they are in the real table. Only what goes through `run.client` and `run.start` is caught: what
 * an activity does in other ways, it does.
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
  // Outside, nothing of the real ports that writes can come along: a member that is added has to be answered for here.
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
  const taken = await store.update(key, acquire(claim, { sleeping: true, early: true, fence: undefined }));
  if (!taken.applied) throw new Error(`${taskName(key)}: the copy of its record could not be acquired`);
  const after = await runTask(ports, binding, taken.record, "operator", invocationOf(now, signal));
  const outcome = outcomes.at(-1);
  if (!outcome) throw new Error(`${taskName(key)}: the run ended without an outcome`);
  const viewAfter = after.view ?? (after.viewRef && (await store.getView(key, after.viewRef)));
  const events = recentRuns(after.runs)[0]?.events ?? 0;
  return { outcome, before, after, viewBefore, viewAfter, events, calls, started, log };
}

/** The record as it would be if it could run now; as after a rewind if it is to begin elsewhere. */
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
