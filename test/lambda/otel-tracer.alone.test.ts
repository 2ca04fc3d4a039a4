import { AsyncLocalStorage } from "node:async_hooks";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Attributes,
  type Context,
  type ContextManager,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanStatus,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { eager, lazy } from "../../functions/engines/binding.ts";
import { otelTracer } from "../../functions/lambda/otel-tracer.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { startTask } from "../../functions/run/start.ts";
import { settle } from "../support/test-clock.ts";
import { reader, thing, World } from "../support/world.ts";

interface Recorded {
  readonly name: string;
  readonly parent: string | undefined;
  attributes: Attributes;
  status: SpanStatus;
  ends: number;
}

/** What an SDK would record, and no more: spans with their parents, and the active context of async code. */
let spans: Recorded[];

const recorder: Tracer = {
  startSpan(name, options = {}, at = context.active()) {
    const above = trace.getSpan(at) as (Span & { readonly recorded?: Recorded }) | undefined;
    const recorded: Recorded = {
      name,
      parent: above?.recorded?.name,
      attributes: { ...options.attributes },
      status: { code: SpanStatusCode.UNSET },
      ends: 0,
    };
    spans.push(recorded);
    return { ...spanOf(recorded), recorded } as Span;
  },
  startActiveSpan(name: string, ...rest: unknown[]) {
    const work = rest.at(-1) as (span: Span) => unknown;
    const span = recorder.startSpan(name, rest.length > 1 ? Object(rest[0]) : {});
    return context.with(trace.setSpan(context.active(), span), work, undefined, span) as never;
  },
};

function spanOf(recorded: Recorded): Span {
  const span: Span = {
    spanContext: () => ({ traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 }) satisfies SpanContext,
    setAttribute: (name, value) => span.setAttributes({ [name]: value }),
    setAttributes(more) {
      recorded.attributes = { ...recorded.attributes, ...more };
      return span;
    },
    setStatus(status) {
      recorded.status = status;
      return span;
    },
    end: () => void recorded.ends++,
    addEvent: () => expect.fail("no events are made"),
    addLink: () => expect.fail("no links are made"),
    addLinks: () => expect.fail("no links are made"),
    recordException: () => expect.fail("a stack is more than code and message"),
    updateName: () => span,
    isRecording: () => recorded.ends === 0,
  };
  return span;
}

class AsyncContexts implements ContextManager {
  readonly #active = new AsyncLocalStorage<Context>();
  active = () => this.#active.getStore() ?? ROOT_CONTEXT;
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    at: Context,
    work: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#active.run(at, () => work.call(self as never, ...args));
  }
  bind = <T>(_at: Context, target: T): T => target;
  enable = () => this;
  disable = () => this;
}

beforeEach(() => {
  spans = [];
});

const named = (name: string) => spans.filter((span) => span.name === name);

async function worldOf(activity = reader) {
  const world = new World({ activities: [lazy(activity)] });
  Object.assign(world.ports, { tracer: otelTracer });
  world.append("t", "e1", "e2");
  await startTask(world.ports, activity, { thingId: "t" });
  return world;
}

describe("where no SDK is registered", () => {
  it("there are no spans, and a run is the same", async () => {
    const world = await worldOf();
    expect(await world.drain()).toEqual([]);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e2" });
    expect(spans).toEqual([]);
  });
});

describe("the spans of a run", () => {
  // For the rest of this file: a tracer that has found an SDK keeps it.
  beforeAll(() => {
    trace.setGlobalTracerProvider({ getTracer: () => recorder });
    context.setGlobalContextManager(new AsyncContexts());
  });

  it("are one of the run, below the function's own, with one of its stream and one of each write below it", async () => {
    const world = await worldOf();
    await recorder.startActiveSpan("lambda", () => world.drain());
    expect(spans.map(({ name, parent }) => [name, parent])).toEqual([
      ["lambda", undefined],
      ["tailwake.run", "lambda"],
      ["tailwake.stream", "tailwake.run"],
      ["tailwake.commit", "tailwake.run"],
    ]);
    expect(named("tailwake.run")).toMatchObject([
      {
        attributes: {
          "tailwake.task": "thing/reader@t",
          "tailwake.activity": "reader",
          "tailwake.engine": "lazy",
          "tailwake.wake": "start",
          "tailwake.fence": 1,
          "tailwake.outcome": "caughtUp",
        },
        status: { code: SpanStatusCode.UNSET },
      },
    ]);
    expect(named("tailwake.stream")[0]?.attributes).toEqual({
      "tailwake.task": "thing/reader@t",
      "tailwake.after": "epoch",
      "tailwake.watch": false,
      "tailwake.events": 2,
    });
    expect(named("tailwake.commit")[0]?.attributes).toEqual({
      "tailwake.operation": "caughtUp",
      "tailwake.applied": true,
    });
    for (const { name, ends } of spans.slice(1)) expect(ends, name).toBe(1);
  });

  it("have those that an activity makes below them", async () => {
    const tracing = defineProcessor(thing, {
      name: "reader",
      async processEvents(run, stream) {
        for await (const _ of stream) trace.getTracer("author").startSpan("mine").end();
        return { type: "caughtUp", tail: run.tail };
      },
    });
    await (await worldOf(tracing)).drain();
    expect(named("mine").map(({ parent }) => parent)).toEqual(["tailwake.run", "tailwake.run"]);
  });

  it("have the code and the message of what failed", async () => {
    const world = await worldOf();
    world.onEvent = (_thing, id) => {
      if (id === "e2") throw new ConnectError("gone", Code.Aborted);
    };
    await world.drain();
    const failed = { code: SpanStatusCode.ERROR, message: "[aborted] gone" };
    expect(named("tailwake.stream")).toMatchObject([
      { status: failed, ends: 1, attributes: { "error.type": "Aborted", "tailwake.events": 1 } },
    ]);
    expect(named("tailwake.run")).toMatchObject([
      { status: failed, ends: 1, attributes: { "error.type": "Aborted", "tailwake.outcome": "retry" } },
    ]);
  });

  it("end also for a stream that does not open", async () => {
    const world = await worldOf();
    world.onOpen = () => {
      throw new ConnectError("not you", Code.PermissionDenied);
    };
    await world.drain();
    expect(named("tailwake.stream")).toMatchObject([
      { ends: 1, status: { code: SpanStatusCode.ERROR }, attributes: { "error.type": "PermissionDenied" } },
    ]);
  });

  it("say that a write was refused, and that the lease was lost", async () => {
    const world = await worldOf();
    world.onEvent = async () => {
      world.onEvent = () => {};
      world.clock.jump(((await world.record("t")).leaseUntil ?? 0) + 5_001);
      await world.deliver([{ class: "signal", entity: "t" }]);
    };
    await world.deliver(world.alarms.take());
    expect(named("tailwake.run").map(({ attributes }) => attributes["tailwake.leaseLost"])).toEqual([true, undefined]);
    expect(named("tailwake.commit").filter(({ attributes }) => attributes["tailwake.applied"] === false)).not.toEqual(
      [],
    );
    for (const { name, ends } of spans) expect(ends, name).toBe(1);
  });

  it("are one of a stream that is watched for as long as it is open, with all its events", async () => {
    const world = new World({ activities: [eager(reader)] });
    Object.assign(world.ports, { tracer: otelTracer });
    world.append("t", "e1");
    await startTask(world.ports, reader, { thingId: "t" });
    const invocation = world.invocation(900_000);
    const held = leadEagerShard(world.ports, { shard: 0, shards: 1 }, invocation);
    await world.clock.advance(7_000);
    world.append("t", "e2", "e3");
    await settle();
    expect(named("tailwake.stream")).toMatchObject([{ parent: "tailwake.run", ends: 0 }]);
    invocation.controller.abort();
    await held;
    expect(named("tailwake.stream")).toMatchObject([
      { ends: 1, attributes: { "tailwake.watch": true, "tailwake.events": 3 } },
    ]);
    expect(named("tailwake.run")).toMatchObject([{ ends: 1, attributes: { "tailwake.engine": "eager" } }]);
  });
});
