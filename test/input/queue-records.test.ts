import fc, { type Arbitrary } from "fast-check";
import { describe, expect } from "vitest";
import { wakeHandler } from "../../functions/lambda/wake-event.ts";
import { busEvent } from "../support/world.ts";
import { hostileText, hostileValue, oneFieldChanged } from "./arbitraries.ts";
import { forEachCase } from "./cases.ts";
import { hostileBody, thingIn } from "./messages.ts";
import { expectNamed, expectNoPollution, outcomeOf } from "./named-error.ts";
import { context, tailsOf, worldWithNews } from "./thing-world.ts";

interface QueueRecord {
  readonly messageId: string;
  readonly body: unknown;
  readonly attributes?: unknown;
}

const good: QueueRecord = {
  messageId: "good",
  body: busEvent({ class: "signal", entity: "u", kind: "thing" }),
  attributes: { ApproximateReceiveCount: "1", SentTimestamp: "1767225600000" },
};

const badBody: Arbitrary<unknown> = hostileBody.filter((body) => thingIn(body) !== "u");
const badRecord: Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: badBody.map((body) => ({ ...good, messageId: "bad", body })) },
  {
    weight: 2,
    arbitrary: fc.tuple(badBody, hostileValue, hostileValue).map(([body, count, sent]) => ({
      messageId: "bad",
      body,
      attributes: { ApproximateReceiveCount: count, SentTimestamp: sent },
    })),
  },
  { weight: 1, arbitrary: badBody.chain((body) => oneFieldChanged([{ ...good, messageId: "bad", body }])) },
  { weight: 1, arbitrary: fc.tuple(hostileText, badBody).map(([messageId, body]) => ({ messageId, body })) },
  { weight: 1, arbitrary: hostileValue },
);

const batch = fc
  .tuple(fc.array(badRecord, { minLength: 1, maxLength: 9 }), fc.nat(9), fc.constantFrom("many", "alone"))
  .map(([bad, at, size]) => (size === "alone" ? bad.slice(0, 1) : [...bad.slice(0, at), good, ...bad.slice(at)]));

const isNamed = (record: unknown): record is QueueRecord =>
  typeof Object(record).messageId === "string" && Object(record).messageId !== "";

describe("a batch of the wake queue, the delay queue or the quarantine queue", () => {
  forEachCase(
    "queue-records/batch",
    "fails only for its bad records, by name, and the others are worked on",
    batch,
    async (Records) => {
      const world = await worldWithNews();
      const before = await tailsOf(world);
      const outcome = await outcomeOf(() => wakeHandler(world.ports, { Records }, context));
      const after = await tailsOf(world);
      const unnamed = Records.findIndex((record) => !isNamed(record));
      if ("error" in outcome) {
        // Without an id it cannot be named in the answer: all come again.
        expectNamed(outcome.error, ["malformed-message"], /^event\.Records\[\d\]\.messageId$/);
        expect(outcome.error.subject).toBe(`event.Records[${unnamed}].messageId`);
        expect(after).toEqual(before);
        return;
      }
      expect(unnamed).toBe(-1);
      const failed = outcome.value?.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier) ?? [];
      const ids = Records.filter(isNamed).map(({ messageId }) => messageId);
      for (const id of failed) expect(ids).toContain(id);
      if (ids.filter((id) => id === "good").length === 1) {
        expect(failed).not.toContain("good");
        expect(after["thing/reader@u"]).toContain('"e1"');
      }
      if (!Records.some((record) => thingIn(Object(record).body) === "t")) {
        expect(after["thing/reader@t"]).toBe(before["thing/reader@t"]);
      }
      const errors = world.log.filter(({ level }) => level === "error");
      for (const { message, fields } of errors) {
        expect(message).toBe("delivery failed");
        expect(fields.code).toEqual(expect.any(String));
        expect(String(fields.err)).toMatch(/expected .*, received /s);
        expect(String(fields.err).length).toBeLessThan(4_000);
      }
      expect(new Set(errors.flatMap(({ fields }) => fields.messageIds))).toEqual(new Set(failed));
      expect(world.clock.sleeping).toBe(0);
      expectNoPollution();
    },
  );
});
