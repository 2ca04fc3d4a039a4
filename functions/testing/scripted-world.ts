import type { Activity, Task } from "../contract/activity.ts";
import { TailwakeError } from "../contract/error.ts";
import type { Outcome } from "../contract/outcome.ts";
import { type Address, checkAddress, type Recorded } from "../contract/stream.ts";
import { epoch } from "../contract/tail.ts";
import { lazy, taskKey } from "../engines/binding.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import type { Clock } from "../foundation/clock.ts";
import { type LogEntry, recordingLogger } from "../foundation/recording-logger.ts";
import { MemoryTaskStore } from "../tasks/memory.ts";
import { type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import { start } from "../tasks/transitions.ts";
import { absent, type Changes } from "../tasks/update.ts";
import { Credentials } from "../upstream/credentials.ts";
import { UpstreamHealth } from "../upstream/health.ts";
import { MemoryAlarms } from "../wake/memory.ts";
import { ScriptedHistory } from "./history.ts";
import { memoryPorts } from "./memory-ports.ts";
import { OpenBindings } from "./open-bindings.ts";
import { type Call, type Reaction, type Routes, scriptedTransport } from "./scripted-server.ts";
import { openScripted } from "./scripted-stream.ts";

/** Hooks at the moments at which a process can die or reach its deadline. */
export interface Moments {
  /** Called before an event is handed out. */
  onEvent?(recorded: Recorded<unknown>): Promise<void>;
  /** Called before and after each call of the activity and each write of the engine. */
  around?(what: string, moment: "before" | "after"): Promise<void>;
}

export interface ScriptedWorldOptions {
  readonly activity: Activity;
  readonly address: Address;
  readonly history: readonly Recorded<unknown>[];
  readonly clock: Clock;
  readonly routes?: Routes<never> | undefined;
  readonly react?: Reaction<never> | undefined;
  readonly moments?: Moments;
  readonly perMessage?: (position: number) => number;
}

/** The times of an invocation in a test, which aborts the signal itself. */
const invocationMs = 120_000;
const reserveMs = 8_000;
const commitMs = 3_000;

/** An aggregate with a scripted history, the services that its activity calls, and the engines' ports, in memory. */
export class ScriptedWorld {
  readonly history: ScriptedHistory<unknown>;
  readonly store = new MemoryTaskStore();
  readonly alarms: MemoryAlarms;
  readonly ports: Ports;
  readonly key: TaskKey;
  readonly calls: Call[] = [];
  readonly started: Task[] = [];
  readonly log: LogEntry[] = [];
  readonly outcomes: Outcome[] = [];
  acts = 0;
  readonly #clock: Clock;

  constructor({ activity, address, history, clock, routes, react, moments = {}, perMessage }: ScriptedWorldOptions) {
    this.#clock = clock;
    this.alarms = new MemoryAlarms(clock);
    const bindings = new OpenBindings([lazy(activity)]);
    const binding = bindings.of(activity);
    this.key = taskKey(binding, checkAddress(binding.stream, address));
    const { entity, kind } = this.key;
    const reaction = react as Reaction<unknown> | undefined;
    this.history = new ScriptedHistory(history, (recorded) => {
      void this.alarms.send([{ class: "signal", entity, kind }]);
      reaction?.(recorded, this.history);
    });
    const around = moments.around?.bind(moments);
    const transport = scriptedTransport(
      {
        routes: (router) => (routes as Routes<unknown> | undefined)?.(router, this.history),
        ...(around && { around: (call, moment) => around(`the call of ${call.method}`, moment) }),
      },
      this.calls,
    );
    const connection = {
      transport,
      credentials: new Credentials(undefined),
      health: new UpstreamHealth(),
      maxOpenStreams: undefined,
      silenceMs: invocationMs,
      idleLimitMs: undefined,
      close() {},
    };
    const script = {
      history: this.history,
      ...(perMessage && { perMessage }),
      ...(moments.onEvent && { onEvent: moments.onEvent.bind(moments) }),
    };
    if (around) {
      const update = this.store.update.bind(this.store);
      this.store.update = async (key, change) => {
        await around(`the write "${change.operation}" of ${taskName(key)}`, "before");
        const written = await update(key, change);
        await around(`the write "${change.operation}" of ${taskName(key)}`, "after");
        return written;
      };
    }
    this.ports = {
      ...memoryPorts({
        activities: [],
        clock,
        store: this.store,
        alarms: this.alarms,
        log: recordingLogger(this.log),
        upstream: connection,
        openStream: (request) => openScripted(script, request),
      }),
      bindings,
      observer: {
        onAct: () => this.acts++,
        onStart: (child, childAddress) => this.started.push({ activity: child, address: childAddress }),
        onOutcome: (task, outcome) => {
          if (taskName(task) === taskName(this.key)) this.outcomes.push(outcome);
        },
      },
    };
  }

  /** Writes the first record of a task, with some attributes changed. */
  async seed(task: Task, changes: Changes = {}): Promise<void> {
    const binding = this.ports.bindings.of(task.activity);
    const address = checkAddress(binding.stream, task.address);
    const first = start(address, "lazy", this.#clock.now());
    const key = taskKey(binding, address);
    await this.store.update(key, { ...first, guard: absent, changes: { ...first.changes, ...changes } });
  }

  /**
   * Throws if an outcome has a tail that is not an event of the history. The server would not know it, and the task
   * would read everything again each time: a warning in production, an error in a test.
   */
  checkTails(): void {
    for (const { type, tail } of this.outcomes) {
      if (tail === epoch || this.history.after(tail)) continue;
      throw new TailwakeError({
        code: "invalid-argument",
        subject: `tail of ${type} of ${taskName(this.key)}`,
        expected: "run.tail, epoch, or the id of an event that the stream has handed out",
        received: tail,
      });
    }
  }

  async record(): Promise<TaskRecord> {
    const found = await this.store.get(this.key);
    if (!found) throw new Error(`${taskName(this.key)}: expected a record, received none`);
    return found;
  }

  /** The stored view; undefined if there is none. */
  async view(): Promise<unknown> {
    const { view, viewRef } = await this.record();
    const json = view ?? (viewRef && (await this.store.getView(this.key, viewRef)));
    return json === undefined ? undefined : JSON.parse(json);
  }

  /** An invocation that begins now, and ends when the test aborts the signal. */
  invocation(signal: AbortSignal): Invocation {
    const hardEnd = this.#clock.now() + invocationMs;
    return { signal, deadline: hardEnd - reserveMs, abandonAt: hardEnd - commitMs, hardEnd, abandoned() {} };
  }
}
