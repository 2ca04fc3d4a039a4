import { type AttributeValue, GetItemCommand } from "@aws-sdk/client-dynamodb";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkAddress, declarationOf, defineStream } from "../../functions/contract/stream.ts";
import { bytesOfEventId, type EventId, eventId, eventIdOfBytes, isTail } from "../../functions/contract/tail.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { taskItemKey } from "../../functions/tasks/dynamodb-codec.ts";
import { acquire, sleep, start } from "../../functions/tasks/transitions.ts";
import { startDatabase, type TestDatabase } from "../support/dynamodb.ts";

const malformed = { name: "TailwakeError", code: "malformed-event", subject: "event id" };

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("event ids that are bytes", () => {
  it("become text and bytes again without loss, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 256 }), (bytes) => {
        const id = eventIdOfBytes(bytes);
        expect(isTail(id)).toBe(true);
        expect(id).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(bytesOfEventId(id)).toEqual(bytes);
      }),
    );
  });

  it("are equal as text only if they are as bytes", () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(eventIdOfBytes(a) === eventIdOfBytes(b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });

  it("may be a view of a larger buffer, and are copied out of it", () => {
    const buffer = new Uint8Array([1, 2, 3, 4]);
    const id = eventIdOfBytes(buffer.subarray(1, 3));
    buffer.fill(0);
    expect([...bytesOfEventId(id)]).toEqual([2, 3]);
  });

  it("are refused if they are none, or too many, or not bytes", () => {
    expect(thrownBy(() => eventIdOfBytes(new Uint8Array()))).toMatchObject({ ...malformed, received: "0 bytes" });
    expect(thrownBy(() => eventIdOfBytes(new Uint8Array(257)))).toMatchObject({
      ...malformed,
      expected: "1 to 256 bytes",
      received: "257 bytes",
    });
    expect(thrownBy(() => eventIdOfBytes("AQ" as never))).toMatchObject(malformed);
  });

  it("are not read from a text that was not made of bytes", () => {
    // Padding, another alphabet, bits that no byte has, nothing decodable, and more than 256 bytes.
    for (const text of ["AQ==", "a+b/", "AR", "epoc!", "A".repeat(344)]) {
      expect(thrownBy(() => bytesOfEventId(text as EventId))).toMatchObject(malformed);
    }
    expect([...bytesOfEventId(eventId("AQ"))]).toEqual([1]);
  });

  it("fit as text exactly if they fit as bytes", () => {
    expect(eventIdOfBytes(new Uint8Array(256))).toHaveLength(342);
    expect(() => eventId("ä".repeat(171))).not.toThrow();
    expect(() => eventId("ä".repeat(172))).toThrow("expected a string of 1 to 342 bytes");
  });
});

describe("a record with such tails, in DynamoDB", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await startDatabase();
  });
  afterAll(() => database.close());

  /** The size of a level 2 task's item after its run, as DynamoDB counts it. */
  async function sizeWith(id: EventId, entity: string): Promise<number> {
    const table = await database.createTable();
    const store = new DynamoTaskStore(database.client, table);
    const key = { entity, kind: "order", activity: "ship-order" };
    const now = Date.UTC(2026, 0, 1);
    const token = "01J00000000000000000000000";
    await store.update(key, start({ orderId: entity }, "lazy", now));
    const claim = {
      token,
      leaseUntil: now + 900_000,
      engine: "lazy",
      eagerBucket: undefined,
      inQuarantine: false,
      now,
    } as const;
    await store.update(key, acquire(claim, { sleeping: true, early: true, fence: undefined }));
    const view = { type: "inline", json: '{"placed":true,"shipped":false}', version: 1 } as const;
    const progress = { tail: id, view, acted: id, actedAhead: false, tailSeenAt: now };
    const until = { seenWakeCount: 0, awaiting: false, notBefore: undefined, due: now + 900_000 };
    const slept = await store.update(key, sleep(token, progress, until));
    expect(slept).toMatchObject({ applied: true, record: { status: "sleeping", tail: id, acted: id } });
    expect(await store.get(key)).toEqual(slept.record);
    const { Item = {} } = await database.client.send(
      new GetItemCommand({ TableName: table, Key: taskItemKey(key), ConsistentRead: true }),
    );
    return sizeOf({ M: Item });
  }

  it("is below 1 KB, so that a write is one unit, with ids as services have them", async () => {
    for (const length of [16, 32, 64, 128]) {
      const size = await sizeWith(
        eventIdOfBytes(new Uint8Array(length).fill(255)),
        "5f0c2b1e-8f5e-4d0c-9a33-1f2b3c4d5e6f",
      );
      expect(size).toBeLessThan(1024);
    }
  });

  it("is kept whole with the longest, and takes two units at most", async () => {
    const size = await sizeWith(eventIdOfBytes(new Uint8Array(256).fill(255)), "e".repeat(256));
    expect(size).toBeGreaterThan(1024);
    expect(size).toBeLessThan(2048);
  });

  it("is found by the longest entity id", async () => {
    const store = new DynamoTaskStore(database.client, await database.createTable());
    const key = { entity: "ä".repeat(512), kind: "k".repeat(64), activity: "a".repeat(64) };
    await store.update(key, start({ orderId: "e" }, "lazy", 0));
    expect((await store.tasksOf(key.entity)).tasks).toMatchObject([key]);
    await store.putView(key, "1.1", "{}");
    expect(await store.getView(key, "1.1")).toBe("{}");
  });
});

describe("an address", () => {
  const definition = {
    kind: "thing",
    upstream: "things",
    method: Repos.method.events,
    address: ["a", "b", "c", "d"],
    request: () => ({}),
    read: () => ({ events: [] }),
  } as const;
  const thing = defineStream(definition);
  const of = (value: string) => ({ a: value, b: value, c: value, d: value });
  const { entityId } = declarationOf(thing).definition;

  it("has values of at most 256 bytes; the error names kind and key", () => {
    expect(checkAddress(thing, of("ä".repeat(128)))).toEqual(of("ä".repeat(128)));
    expect(() => checkAddress(thing, { ...of("x"), c: "ä".repeat(129) })).toThrow(
      /^address\.c of kind thing: expected a string of 1 to 256 bytes of UTF-8, received ".*", 258 bytes \[invalid-argument\]$/,
    );
  });

  it("has no half of a character: two tasks would share a record", () => {
    for (const half of ["\ud83e", "a\udd86b"]) {
      expect(() => checkAddress(thing, { ...of("x"), c: half })).toThrow("address.c of kind thing: expected");
      expect(() => eventId(half)).toThrow("event id: expected");
      expect(isTail(half)).toBe(false);
    }
    expect(checkAddress(thing, of("🦆"))).toEqual(of("🦆"));
    expect(isTail("🦆")).toBe(true);
  });

  it("makes an entity id of at most 1,024 bytes; the error names kind and keys", () => {
    expect(entityId(of("x".repeat(255)))).toHaveLength(4 * 255 + 3);
    expect(() => entityId(of("x".repeat(256)))).toThrow(
      /^entity id of kind thing, made of a, b, c, d: expected a string of 1 to 1024 bytes of UTF-8, received ".*", 1027 bytes/,
    );
  });

  it("makes an entity id at all", () => {
    const nameless = defineStream({ ...definition, entityId: () => "" });
    expect(() => declarationOf(nameless).definition.entityId(of("x"))).toThrow("entity id of kind thing");
  });
});

/** As the documentation of DynamoDB counts: names and values in UTF-8, numbers by their digits, 3 bytes a map. */
function sizeOf(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return Math.ceil(value.N.length / 2) + 1;
  if (value.SS !== undefined) return value.SS.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (value.M === undefined) return 1;
  return Object.entries(value.M).reduce((sum, [name, field]) => sum + Buffer.byteLength(name) + sizeOf(field) + 1, 3);
}
