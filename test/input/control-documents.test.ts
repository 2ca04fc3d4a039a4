import type { AttributeValue, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import fc from "fast-check";
import { describe, expect } from "vitest";
import { signalsHandler } from "../../functions/lambda/leader-event.ts";
import { wakeHandler } from "../../functions/lambda/wake-event.ts";
import { leaderDocument, readLeader } from "../../functions/leaders/leadership.ts";
import { readQueueAge } from "../../functions/queue/queue-age.ts";
import { DynamoControlStore } from "../../functions/tasks/dynamodb-control.ts";
import { decodeBreaker } from "../../functions/upstream/breaker.ts";
import { busEvent, type World } from "../support/world.ts";
import { hostileText, hostileValue, oneFieldChanged } from "./arbitraries.ts";
import { forEachCase } from "./cases.ts";
import { expectNamed, expectNoPollution, outcomeOf } from "./named-error.ts";
import { context, tailsOf, worldWithNews } from "./thing-world.ts";

const now = Date.UTC(2026, 0, 1);
const leaders = [
  { epoch: 1, owner: "a", aliveUntil: 0, released: 1 },
  { epoch: 2, owner: "a", aliveUntil: now + 10_000, leaving: true, sweepAt: now },
  {
    epoch: 3,
    owner: "a",
    aliveUntil: 0,
    sweepAt: now,
    sweep: {
      at: now,
      shard: 31,
      after: { key: { entity: "t", kind: "thing", activity: "reader" }, due: now },
      left: 7,
    },
  },
];
const breakers = [
  { state: "closed", until: 0, openMs: 0, trips: 0 },
  { state: "open", until: now - 1, openMs: 5_000, trips: 2, reason: "out", canaryUntil: now - 1 },
  { state: "closed", until: 0, openMs: 0, trips: 0, paused: { at: now, reason: "repairs" } },
];
const ages = [{ ageMs: 200_000, at: now }];

/** JSON as a document has it: what the type system knows of them, nobody has checked. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? "null");
const document = fc.constantFrom("signals", "breaker", "queue age").chain((about) =>
  fc.record({
    about: fc.constant(about),
    value: oneFieldChanged<unknown>(about === "signals" ? leaders : about === "breaker" ? breakers : ages).map(asJson),
  }),
);
const names = { signals: leaderDocument("signals"), breaker: "upstream#things", "queue age": "queue-age" } as const;

const versions: fc.Arbitrary<AttributeValue | undefined> = fc.oneof(
  fc.constantFrom(undefined, { N: "1" }, { N: "-1" }, { N: "1e300" }, { NULL: true as const }, { M: {} }),
  hostileText.map((S) => ({ S })),
);
const jsons: fc.Arbitrary<AttributeValue | undefined> = fc.oneof(
  fc.constantFrom<(AttributeValue | undefined)[]>(undefined, { N: "1" }, { L: [] }),
  hostileText.map((S) => ({ S })),
  hostileValue.map((value) => ({ S: JSON.stringify(value) ?? "" })),
);

describe("a control document", () => {
  forEachCase(
    "control-documents/decode",
    "is read, or refused by its name and its field",
    fc.record({ document, version: versions, json: jsons }),
    async ({ document: { about, value }, version, json }) => {
      const Item = { ...(version && { version }), ...(json && { json }) };
      const client = { send: async () => ({ Item }) } as unknown as DynamoDBClient;
      const read = await outcomeOf(() => new DynamoControlStore(client, "tasks").read("holder#signals"));
      if ("error" in read) expectNamed(read.error, ["malformed-record"], /^control document holder#signals$/);
      else expect(Number.isSafeInteger(read.value?.version)).toBe(true);

      const control = { read: async () => ({ version: 1, value }), write: async () => undefined };
      const decoded = await outcomeOf<unknown>(() => {
        if (about === "signals") return readLeader(control, "signals");
        return about === "breaker" ? decodeBreaker("things", value) : readQueueAge(control, "wakes");
      });
      if ("error" in decoded) {
        const subject = /^(leader signals, field \w+|breaker of upstream things, field \w+)$/;
        expectNamed(decoded.error, ["malformed-record"], subject);
      }
      expectNoPollution();
    },
  );

  forEachCase(
    "control-documents/functions",
    "that cannot be read fails what needs it, by name, and nothing else; no tail moves (T6)",
    document,
    async ({ about, value }) => {
      const world = await worldWithNews();
      const { control } = world.ports;
      await control.write(names[about as keyof typeof names], value as object, "any");
      const before = await tailsOf(world);

      const report = await world.tick();
      expect(report.failed).toBe(0);
      expect(await tailsOf(world)).toEqual(before);

      const held = await overTime(world, () => signalsHandler(world.ports, {}, context));
      if ("error" in held) expectNamed(held.error, ["malformed-record"], /^leader signals, field /);

      const Records = [{ messageId: "u", body: busEvent({ class: "signal", entity: "u", kind: "thing" }) }];
      const woken = await overTime(world, () => wakeHandler(world.ports, { Records }, context));
      if ("error" in woken) throw woken.error;
      const failed = woken.value?.batchItemFailures ?? [];
      const errors = world.log.filter(({ level }) => level === "error").map(({ fields }) => String(fields.err));
      for (const error of errors) {
        expect(error).toMatch(/^(leader signals|breaker of upstream things), field \w+: expected /);
      }
      if (failed.length > 0) {
        expect(about).toBe("breaker");
        expect(await tailsOf(world)).toEqual(before);
      }
      expectNoPollution();
    },
  );
});

/** Does something that ends with its invocation, by a clock that goes on. */
async function overTime<T>({ clock }: World, work: () => Promise<T>) {
  const outcome = outcomeOf(work);
  await clock.advance(130_000);
  return outcome;
}
