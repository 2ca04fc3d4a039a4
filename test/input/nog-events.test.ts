import { type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import fc, { type Arbitrary } from "fast-check";
import { describe, expect } from "vitest";
import { sourceDeclarationOf } from "../../functions/contract/signal-source.ts";
import type { Stream } from "../../functions/contract/stream.ts";
import { AggregateSignalsOSchema } from "../../functions/nog/gen/nogfso/broadcast_pb.ts";
import {
  EphemeralRegistry,
  Registry,
  RegistryEvent_TypeSchema,
  RegistryEventSchema,
} from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { RepoEvent_TypeSchema, RepoEventSchema, Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { WorkflowEvent_TypeSchema, WorkflowEventSchema } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import {
  liveBroadcast,
  registry,
  registryWorkflow,
  registryWorkflowIndex,
  repo,
  repoWorkflow,
} from "../../functions/nog/index.ts";
import { readMessage } from "../nog/messages.ts";
import { whole } from "../nog/whole-events.ts";
import { brokenBytes, hostileText, oneFieldChanged } from "./arbitraries.ts";
import { forEachCase } from "./cases.ts";
import { expectNamed, outcomeOf } from "./named-error.ts";

interface Kind {
  readonly stream: Stream;
  readonly schema: DescMessage;
  readonly message: DescMessage;
  readonly events: readonly Message[];
}

const numbers = ({ values }: { readonly values: readonly { readonly number: number }[] }) => [
  ...values.map(({ number }) => number),
  999,
];
const registryEvents = numbers(RegistryEvent_TypeSchema).map(whole.registry);
const repoEvents = numbers(RepoEvent_TypeSchema).map(whole.repo);
const workflowEvents = numbers(WorkflowEvent_TypeSchema).map(whole.workflow);
const kinds: readonly Kind[] = [
  { stream: registry, schema: RegistryEventSchema, message: Registry.method.events.output, events: registryEvents },
  { stream: repo, schema: RepoEventSchema, message: Repos.method.events.output, events: repoEvents },
  {
    stream: registryWorkflowIndex,
    schema: WorkflowEventSchema,
    message: EphemeralRegistry.method.registryWorkflowIndexEvents.output,
    events: workflowEvents,
  },
  {
    stream: registryWorkflow,
    schema: WorkflowEventSchema,
    message: EphemeralRegistry.method.registryWorkflowEvents.output,
    events: workflowEvents,
  },
  {
    stream: repoWorkflow,
    schema: WorkflowEventSchema,
    message: Repos.method.workflowEvents.output,
    events: workflowEvents,
  },
];

const hostileBytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(new Uint8Array(100_000)));
/** A field of a message keeps the type that the wire gives it; its content may be anything. */
const sameType = (value: unknown): Arbitrary<unknown> => {
  if (value instanceof Uint8Array) return hostileBytes;
  if (typeof value === "string") return hostileText;
  if (typeof value === "bigint") return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  if (typeof value === "number") return fc.integer();
  if (Array.isArray(value))
    return fc.array(fc.constantFrom(...(value.length > 0 ? value : [new Uint8Array(3)])), { maxLength: 4 });
  return fc.constant(undefined);
};

/** An event of a kind with one field of another content, or without it. */
const changedEvent = (events: readonly Message[]) =>
  fc.constantFrom(...events).chain((event) => {
    const fields = Object.entries(event).filter(([name]) => !name.startsWith("$") && name !== "event");
    return fc.constantFrom(...fields).chain(([name, value]) =>
      fc
        .oneof(sameType(value), fc.constant(value instanceof Uint8Array ? new Uint8Array() : undefined))
        .map((other) => {
          const copy = { ...event, [name]: other };
          if (other === undefined && Array.isArray(value)) Object.assign(copy, { [name]: [] });
          if (other === undefined && typeof value === "string") Object.assign(copy, { [name]: "" });
          if (other === undefined && typeof value === "number") Object.assign(copy, { [name]: 0 });
          return copy as Message;
        }),
    );
  });

/** The same, with bytes of its binary form changed: what a decoder that knows the protocol still takes. */
const brokenEvent = ({ schema, events }: Kind): Arbitrary<Message | undefined> =>
  brokenBytes(fc.constantFrom(...events).map((event) => toBinary(schema, event as never))).map((bytes) => {
    try {
      return fromBinary(schema, bytes);
    } catch {
      return undefined;
    }
  });

const given = fc.constantFrom(...kinds).chain((kind) =>
  fc.record({
    stream: fc.constant(kind.stream),
    event: fc.oneof(
      changedEvent(kind.events),
      brokenEvent(kind).filter((event) => event !== undefined),
    ),
    willBlock: fc.boolean(),
  }),
);

const field = /^(nogfso\.(Registry|Repo|Workflow)Event(\.\w+)*|EV_\w+(\.\w+(\[\d+\])?)*)$/;

describe("nog's messages", () => {
  forEachCase(
    "nog-events/messages",
    "become events, or are malformed by the name of the event and its field",
    given,
    async ({ stream, event, willBlock }) => {
      const read = await outcomeOf(() => readMessage(stream, { events: [event], willBlock }));
      if ("error" in read) return expectNamed(read.error, ["malformed-event"], /^nogfso\.\w+Event\.id$/);
      const [recorded] = read.value.events;
      expect(recorded?.id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
      const converted = await outcomeOf(() => recorded?.event as { readonly type?: unknown });
      if ("error" in converted) expectNamed(converted.error, ["malformed-event"], field);
      else expect(converted.value.type).toEqual(expect.any(String));
    },
  );

  const { read } = sourceDeclarationOf(liveBroadcast);
  const signal = { entityId: new Uint8Array(16) };
  forEachCase(
    "nog-events/signals",
    "of signals name aggregates, or the field that is malformed",
    fc.array(oneFieldChanged([signal], hostileBytes), { maxLength: 3 }),
    async (signals) => {
      const valid = signals.filter((one) => one?.entityId instanceof Uint8Array);
      const message = { $typeName: AggregateSignalsOSchema.typeName, signals: valid };
      const ids = await outcomeOf(() => read(message));
      if ("error" in ids) expectNamed(ids.error, ["malformed-event"], /^entity_id$/);
      else expect(ids.value.every((id) => id.length === 36)).toBe(true);
    },
  );
});
