import { gzipSync } from "node:zlib";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import fc from "fast-check";
import { describe, expect } from "vitest";
import { defineActivity } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { MemoryTaskStore } from "../../functions/tasks/memory.ts";
import { start } from "../../functions/tasks/transitions.ts";
import { thing, World } from "../support/world.ts";
import { brokenBytes, hostileText, oneFieldChanged } from "./arbitraries.ts";
import { forEachCase } from "./cases.ts";
import { expectNamed, outcomeOf } from "./named-error.ts";

const key = { entity: "t", kind: "thing", activity: "counter" };
const counter = defineActivity(thing, {
  name: "counter",
  view: { version: 1, initial: () => ({ count: 0 }) },
  apply(view) {
    view.count++;
  },
  act: async () => caughtUp(),
});

const json = fc.oneof(
  { weight: 2, arbitrary: hostileText },
  { weight: 2, arbitrary: oneFieldChanged<unknown>([{ count: 0 }]).map((view) => JSON.stringify(view) ?? "") },
  { weight: 1, arbitrary: fc.tuple(fc.nat(12), hostileText).map(([at, text]) => '{"count":0}'.slice(0, at) + text) },
);
/** A few hundred kilobytes of it are a few hundred megabytes. */
const bomb = gzipSync(Buffer.alloc(200 * 2 ** 20), { level: 9 });
const packed = fc.oneof(
  { weight: 9, arbitrary: brokenBytes(json.map((text) => gzipSync(text))) },
  { weight: 3, arbitrary: json.map((text) => Uint8Array.from(gzipSync(text))) },
  { weight: 1, arbitrary: fc.constant(Uint8Array.from(bomb)) },
);

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** A store with a task whose view another version, or nobody, has written: in the record, or in an item of its own. */
async function storeWith(view: string, isItem: boolean): Promise<MemoryTaskStore> {
  const store = new MemoryTaskStore();
  const { changes, ...first } = start({ thingId: "t" }, "lazy", Date.UTC(2026, 0, 1));
  const where = isItem ? { viewRef: "1.1" } : { view };
  await store.update(key, { ...first, changes: { ...changes, ...where, tail: "e1" as never, viewVersion: 1 } });
  if (isItem) await store.putView(key, "1.1", view);
  return store;
}

describe("a stored view", () => {
  forEachCase(
    "views/stored",
    "that cannot be read is named, and its tail stays where it is (T5)",
    fc.record({ packed, view: json.filter((text) => text !== ""), isItem: fc.boolean() }),
    async ({ packed: bytes, view, isItem }) => {
      const client = { send: async () => ({ Item: { json: { B: bytes } } }) } as unknown as DynamoDBClient;
      const unpacked = await outcomeOf(() => new DynamoTaskStore(client, "tasks").getView(key, "1.1"));
      if ("error" in unpacked) {
        expectNamed(unpacked.error, ["malformed-record"], /^view 1\.1 of thing\/counter@t, attribute json$/);
      }

      const world = new World({ activities: [lazy(counter)], store: await storeWith(view, isItem) });
      world.append("t", "e1", "e2");
      await world.signal("t");
      await world.drain();
      const record = await world.record("t");
      const failed = world.log.find(({ message }) => message === "failed");
      if (!isJson(view)) {
        expect(String(failed?.fields.err)).toMatch(/^view of thing\/counter@t: expected JSON, received /);
        expect(String(failed?.fields.err).length).toBeLessThan(1_000);
      }
      if (failed) expect(record).toMatchObject({ status: "retrying", tail: "e1" });
      else expect(record).toMatchObject({ status: "sleeping", tail: "e2" });
    },
  );
});
