import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import fc, { type Arbitrary } from "fast-check";
import { dueIndex, duePartitionOf, encodeValue, taskItemKey } from "../../functions/tasks/dynamodb-codec.ts";
import { hostileNumber, hostileText } from "./arbitraries.ts";

export type Item = Readonly<Record<string, AttributeValue>>;

const now = Date.UTC(2026, 0, 1);
const first = {
  address: { thingId: "t" },
  engine: "lazy",
  status: "ready",
  tail: "epoch",
  wakes: 0,
  fence: 0,
  attempts: 0,
  strikes: 0,
  rescues: 0,
  startedAt: now - 1_000,
  due: now - 1,
};
const error = { message: "oops", at: now - 500, afterEvent: "epoch" };
const records: readonly object[] = [
  first,
  { ...first, status: "sleeping", fence: 1, lastToken: "token-1", acted: "epoch" },
  { ...first, status: "running", fence: 1, token: "token-2", leaseUntil: now + 60_000 },
  { ...first, status: "running", fence: 3, strikes: 1, token: "token-2", leaseUntil: now - 600_000 },
  { ...first, status: "retrying", fence: 2, attempts: 2, notBefore: now - 100, error },
  { ...first, status: "parked", attempts: 9, error, paused: true },
  { ...first, status: "completed", waiters: ["thing/reader@x"] },
  { ...first, status: "sleeping", view: '{"count":0}', viewVersion: 1, awaiting: true, childDone: true },
  { ...first, status: "sleeping", viewRef: "1.1", viewVersion: 1, tailSeenAt: now, actedAhead: true },
  { ...first, engine: "eager", eagerBucket: "eager#03" },
];

/** The item of the lazy task of a thing, as this version writes it in one of its states. */
export function validItems(thingId: string): readonly Item[] {
  const key = { entity: thingId, kind: "thing", activity: "reader" };
  return records.map((record) => ({
    ...taskItemKey(key),
    ...Object.fromEntries(
      Object.entries({ ...record, address: { thingId } }).map(([name, value]) => [name, encodeValue(value)]),
    ),
    [dueIndex.partition]: { S: duePartitionOf(key) },
  }));
}

const number = fc.oneof(
  hostileNumber.filter(Number.isFinite).map(String),
  fc.constantFrom("99999999999999999999", "1e100"),
);
const leaf: Arbitrary<AttributeValue> = fc.oneof(
  hostileText.map((S) => ({ S })),
  number.map((N) => ({ N })),
  fc.boolean().map((BOOL) => ({ BOOL })),
  fc.constant({ NULL: true as const }),
  fc.uint8Array({ minLength: 1, maxLength: 20 }).map((B) => ({ B: Uint8Array.from(B) })),
  fc
    .uniqueArray(
      hostileText.filter((text) => text !== ""),
      { minLength: 1, maxLength: 3 },
    )
    .map((SS) => ({ SS })),
  fc.constant<AttributeValue>({ NS: ["1", "2"] }),
);
/** What DynamoDB can hold in an attribute, whoever wrote it. */
const hostileAttribute: Arbitrary<AttributeValue> = fc.oneof(
  { weight: 5, arbitrary: leaf },
  { weight: 1, arbitrary: fc.array(leaf, { maxLength: 3 }).map((L) => ({ L })) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.tuple(fc.constantFrom("thingId", "message", "at", "afterEvent", "__proto__", "constructor"), leaf))
      .map((fields) => ({ M: Object.fromEntries(fields) })),
  },
);

/** A record in which attributes are of other types, gone, or those of a version to come. */
export function hostileItem(thingId: string): Arbitrary<Item> {
  const valid = validItems(thingId);
  const names = [...new Set(valid.flatMap((item) => Object.keys(item)))].filter((name) => !["pk", "sk"].includes(name));
  const change = fc.tuple(
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...names) },
      { weight: 1, arbitrary: fc.constantFrom("__proto__", "later", "x".repeat(255)) },
    ),
    fc.option(hostileAttribute, { nil: undefined, freq: 4 }),
  );
  return fc
    .tuple(fc.constantFrom(...valid), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([item, changes]) => {
      const entries = new Map(Object.entries(item));
      for (const [name, value] of changes) {
        if (value === undefined) entries.delete(name);
        else entries.set(name, value);
      }
      return Object.fromEntries(entries);
    });
}
