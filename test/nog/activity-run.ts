import type { DescService } from "@bufbuild/protobuf";
import { type Client, type ConnectRouter, createClient, createRouterTransport } from "@connectrpc/connect";
import { type Activity, behaviourOf, type Run, type TaskStatus } from "../../functions/contract/activity.ts";
import type { Decision, Outcome } from "../../functions/contract/outcome.ts";
import type { Address, Batch, EventStream, Recorded, Stream } from "../../functions/contract/stream.ts";
import { epoch, type Tail } from "../../functions/contract/tail.ts";
import type { LogLevel } from "../../functions/foundation/logger.ts";

export interface RunOptions {
  readonly address: Address;
  readonly tail?: Tail;
  readonly routes?: (router: ConnectRouter) => void;
  readonly now?: () => number;
  readonly signal?: AbortSignal;
  readonly attempt?: number;
  /** Stands for the engine's `start`; by default every start succeeds. */
  readonly start?: (child: string, address: Address) => Promise<TaskStatus>;
}

export interface Observed {
  readonly started: { child: string; address: Address }[];
  readonly advances: Tail[];
  readonly logs: { level: LogLevel; message: string; fields: object | undefined }[];
}

/** A run as an engine would give it, with real clients over in-memory routes, and what the activity did with it. */
export function newRun(options: RunOptions): { run: Run<Stream>; observed: Observed } {
  const observed: Observed = { started: [], advances: [], logs: [] };
  const signal = options.signal ?? new AbortController().signal;
  const log = (level: LogLevel) => (message: string, fields?: object) => {
    observed.logs.push({ level, message, fields });
  };
  const transport = createRouterTransport(options.routes ?? (() => {}), {
    transport: { interceptors: [(next) => (request) => next({ ...request, signal })] },
  });
  const run = {
    address: options.address,
    wokenBy: "signal",
    attempt: options.attempt ?? 1,
    fence: 1,
    signal,
    deadline: new Date(8.64e15),
    log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    now: () => new Date(options.now?.() ?? 0),
    client: <D extends DescService>(service: D): Client<D> => createClient(service, transport),
    start: (child: Activity, address: Address) => {
      observed.started.push({ child: child.name, address });
      return options.start?.(child.name, address) ?? Promise.resolve("ready");
    },
    tail: options.tail ?? epoch,
    advance: (tail: Tail) => observed.advances.push(tail),
    checkpoint: async () => {},
  };
  return { run: run as unknown as Run<Stream>, observed };
}

export function streamOf(events: readonly Recorded<unknown>[]): EventStream<unknown> {
  return {
    async *batches(): AsyncGenerator<Batch<unknown>> {
      for (const event of events) yield { events: [event] };
    },
    async *[Symbol.asyncIterator]() {
      yield* events;
    },
  };
}

/** One run of a level 1 activity over `events`. */
export async function runProcessor(
  activity: Activity,
  events: readonly Recorded<unknown>[],
  options: RunOptions,
): Promise<{ outcome: Outcome; observed: Observed }> {
  const { behaviour } = behaviourOf(activity);
  if (behaviour.type !== "processor") throw new Error("not a processor");
  const { run, observed } = newRun(options);
  return { outcome: await behaviour.processEvents(run, streamOf(events)), observed };
}

/** One run of a level 2 activity that starts without a view: it folds the whole history, then acts. */
export async function act(
  activity: Activity,
  history: readonly Recorded<unknown>[],
  options: RunOptions,
): Promise<{ decision: Decision; observed: Observed }> {
  const { behaviour } = behaviourOf(activity);
  if (behaviour.type !== "viewed") throw new Error("not a viewed activity");
  const view = behaviour.view.initial();
  for (const recorded of history) behaviour.apply(view, recorded);
  const { run, observed } = newRun(options);
  return { decision: await behaviour.act(JSON.parse(JSON.stringify(view)), run), observed };
}
