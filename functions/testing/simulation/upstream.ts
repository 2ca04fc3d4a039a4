import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import type { SignalSource } from "../../contract/signal-source.ts";
import type { Address, Batch, StreamDeclaration, StreamPosition } from "../../contract/stream.ts";
import type { EventId } from "../../contract/tail.ts";
import type { Ports } from "../../engines/ports.ts";
import type { UpstreamConnection } from "../../upstream/connection.ts";
import { Credentials } from "../../upstream/credentials.ts";
import { openEventStream } from "../../upstream/event-stream.ts";
import { UpstreamHealth } from "../../upstream/health.ts";
import type { Aggregate } from "./aggregate.ts";
import type { SimulatedProcess } from "./process.ts";
import { broken, type MessageSource, ServerStream } from "./server-stream.ts";
import type { SimulatedWorld } from "./world.ts";

/** The default error for an unknown tail: that of nog's server. */
const unknownTail = (): ConnectError =>
  new ConnectError("the history has no such event: finding start failed", Code.Unknown);

const maxEventsPerMessage = 3;
/** As in the transports over fetch. */
const idleLimitMs = 240_000;
/** As in every transport. */
const silenceMs = 20_000;

/** The errors with which a server refuses a call. */
const refusals: readonly Code[] = [Code.Unavailable, Code.ResourceExhausted, Code.Aborted, Code.DeadlineExceeded];

/** An outage of an upstream. */
interface Outage {
  readonly until: number;
  /** The share of the messages and calls that fail. */
  readonly share: number;
}

/**
 * The servers of an app's upstreams. They stream the events of the aggregates and send signals. The client code is the
 * real one, except that messages are not encoded.
 */
export class SimulatedUpstream {
  readonly #world: SimulatedWorld;
  readonly #aggregates: ReadonlyMap<string, Aggregate>;
  readonly #unary: Transport["unary"];
  readonly #unknownTail: () => ConnectError;
  readonly #listeners = new Set<(entity: string) => void>();
  readonly #outages = new Map<string, Outage>();
  /** Called for each stream of an aggregate's events that a process opens. */
  onOpen: ((process: SimulatedProcess, entity: string) => void) | undefined;
  /** The time for which each message takes, at most, beside what the faults say; 0 for no time. */
  slowMessageMs = 0;
  streams = 0;

  constructor(
    world: SimulatedWorld,
    aggregates: readonly Aggregate[],
    options: { readonly unary: Transport["unary"]; readonly unknownTail?: (() => ConnectError) | undefined },
  ) {
    this.#world = world;
    this.#aggregates = new Map(aggregates.map((one) => [aggregateId(one.stream.kind, one.entity), one]));
    this.#unary = options.unary;
    this.#unknownTail = options.unknownTail ?? unknownTail;
  }

  goOut(upstream: string, forMs: number, share = 1): void {
    this.#world.story.say(
      "upstream",
      () => `${upstream} is out for ${Math.round(forMs / 1000)} s, ${Math.round(share * 100)} % of it`,
    );
    this.#outages.set(upstream, { until: this.#world.timeline.now + forMs, share });
  }

  /** All upstreams are back, and as fast as they can be. */
  comeBack(): void {
    this.#outages.clear();
    this.slowMessageMs = 0;
  }

  #isBroken(upstream: string): boolean {
    const outage = this.#outages.get(upstream);
    if (!outage || outage.until <= this.#world.timeline.now) return false;
    return outage.share === 1 || this.#world.random.chance(outage.share);
  }

  /** Sends a signal on the open streams of signals. */
  signal(entity: string): void {
    for (const tell of this.#listeners) tell(entity);
  }

  /** The connections of a process, each created on first use. */
  connectionsOf(process: SimulatedProcess): (name: string) => UpstreamConnection {
    const connections = new Map<string, UpstreamConnection>();
    return (name) => {
      const known = connections.get(name);
      if (known) return known;
      const connection: UpstreamConnection = {
        transport: this.#transport(process, name),
        credentials: new Credentials(undefined),
        health: new UpstreamHealth(),
        maxOpenStreams: undefined,
        silenceMs,
        idleLimitMs,
        close() {},
      };
      connections.set(name, connection);
      return connection;
    };
  }

  /** Opens event streams with the real client code. A message is a batch, not encoded. */
  openStreamOf(process: SimulatedProcess): Ports["openStream"] {
    return (request) => {
      const { declaration, address, position, connection } = request;
      const definition = {
        ...declaration.definition,
        request: () => ({}),
        read: (message: object) => message as Batch<unknown>,
      };
      const stream: Transport["stream"] = async (method, signal) =>
        streamResponse(
          method,
          this.#open(process, declaration.upstream, this.#source(process, declaration, address, position), signal),
        );
      return openEventStream({
        ...request,
        connection: { ...connection, transport: { ...connection.transport, stream } },
        declaration: { ...declaration, definition },
      });
    };
  }

  /** The signal sources, with messages that are the ids of aggregates. */
  static sources(sources: readonly SignalSource[]): SignalSource[] {
    const read = (message: object) => [(message as Signaled).entity];
    return sources.map((source) => ({ ...source, request: () => ({}), read }));
  }

  #transport(process: SimulatedProcess, name: string): Transport {
    const { random, faults } = this.#world;
    return {
      unary: (method, ...rest) =>
        process.call(
          `call ${method.parent.typeName}/${method.name}`,
          () => {
            if (this.#isBroken(name)) throw broken(Code.Unavailable);
            if (random.chance(faults.refuseCall)) throw new ConnectError("refused", random.pick(refusals));
            return this.#unary(method, ...rest);
          },
          (text) => new ConnectError(text, Code.Unavailable),
        ),
      stream: async (method, signal) => streamResponse(method, this.#open(process, name, this.#signalSource(), signal)),
    };
  }

  #open<M>(
    process: SimulatedProcess,
    upstream: string,
    source: MessageSource<M>,
    signal: AbortSignal | undefined,
  ): ServerStream<M> {
    this.streams++;
    return new ServerStream(this.#world, process, source, signal ?? new AbortController().signal, {
      isBroken: () => this.#isBroken(upstream),
      slowMs: () => this.slowMessageMs,
    });
  }

  #source(
    process: SimulatedProcess,
    declaration: StreamDeclaration,
    address: Address,
    { after, watch }: StreamPosition,
  ): MessageSource<Batch<unknown>> {
    const aggregate = this.#find(declaration, address);
    const { heartbeatMs, tailUnknown } = declaration.definition;
    this.onOpen?.(process, aggregate.entity);
    const world = this.#world;
    const { timeline, random } = world;
    let next: number | undefined;
    let saysHead = watch;
    let sent = 0;
    let wasEmpty = true;
    return {
      next: () => {
        const { faults } = world;
        next ??= this.#start(aggregate, after, tailUnknown === "silent");
        // The next event was trimmed: the server ends the stream with an error.
        if (next < aggregate.trimmed) throw broken(Code.Aborted);
        if (sent >= aggregate.cutAfter && !world.isCalm) throw broken(Code.Unavailable);
        if (!wasEmpty && random.chance(faults.emptyMessage)) {
          wasEmpty = true;
          return { message: { events: [], willBlock: false } };
        }
        if (sent > 0 && random.chance(faults.repeatEvent)) next--;
        const events = aggregate.events.slice(next, next + random.whole(1, maxEventsPerMessage));
        if (events.length > 0) {
          next += events.length;
          sent += events.length;
          wasEmpty = false;
          saysHead = watch;
          const willBlock = watch && next === aggregate.events.length && random.chance(0.5);
          if (willBlock) saysHead = false;
          return { message: { events, willBlock } };
        }
        if (!watch) return "end";
        if (!saysHead) return undefined;
        saysHead = false;
        return { message: { events: [], willBlock: true } };
      },
      watch: (tell) => {
        const unwatch = aggregate.watch(tell);
        const beat = () => {
          saysHead = true;
          tell();
        };
        const stopBeat = heartbeatMs === undefined ? () => {} : timeline.after(heartbeatMs, beat);
        return () => {
          unwatch();
          stopBeat();
        };
      },
    };
  }

  #start(aggregate: Aggregate, after: EventId | undefined, isSilent: boolean): number {
    const start = aggregate.startAfter(after);
    const { random, faults } = this.#world;
    if (start !== undefined && start > 0 && random.chance(faults.inclusiveStart)) return start - 1;
    if (start !== undefined) return start;
    if (!isSilent) throw this.#unknownTail();
    // A silent server waits for an event that never comes.
    return Number.POSITIVE_INFINITY;
  }

  #find({ kind, definition }: StreamDeclaration, address: Address): Aggregate {
    const aggregate = this.#aggregates.get(aggregateId(kind, definition.entityId(address)));
    if (aggregate) return aggregate;
    throw new ConnectError(`no aggregate ${JSON.stringify(address)} in the scenario`, Code.NotFound);
  }

  #signalSource(): MessageSource<Signaled> {
    const { random, faults } = this.#world;
    const came: string[] = [];
    let tellAll = () => {};
    const listen = (entity: string) => {
      if (random.chance(faults.loseSignal)) return;
      came.push(entity);
      tellAll();
    };
    this.#listeners.add(listen);
    return {
      next: () => {
        const entity = came.shift();
        return entity === undefined ? undefined : { message: { entity } };
      },
      watch: (tell) => {
        tellAll = tell;
        return () => {
          tellAll = () => {};
        };
      },
    };
  }
}

interface Signaled {
  readonly entity: string;
}

const aggregateId = (kind: string, entity: string): string => `${kind} ${entity}`;

function streamResponse(method: Parameters<Transport["stream"]>[0], message: AsyncIterable<object>) {
  const response = {
    stream: true,
    service: method.parent,
    method,
    header: new Headers(),
    trailer: new Headers(),
    message,
  };
  // The messages are not of the method's type. `read` of the simulated definitions knows theirs.
  return response as never;
}
