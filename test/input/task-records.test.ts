import { DeleteItemCommand, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { tasksOf } from "../../functions/client.ts";
import { isTail } from "../../functions/contract/tail.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { wakeHandler } from "../../functions/lambda/wake-event.ts";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { decodeRecord, tableKeys } from "../../functions/tasks/dynamodb-codec.ts";
import { startDatabase, type TestDatabase } from "../support/dynamodb.ts";
import { busEvent, reader, World } from "../support/world.ts";
import { forEachCase } from "./cases.ts";
import { hostileItem, type Item, validItems } from "./items.ts";
import { expectNamed, expectNoPollution, outcomeOf } from "./named-error.ts";
import { context } from "./thing-world.ts";

const attribute = /^record task#t thing#reader, attribute [A-Za-z]+$/;

describe("a task's record", () => {
  forEachCase(
    "task-records/decode",
    "is read, whatever a newer version added, or refused by the name of its attribute",
    hostileItem("t"),
    async (item) => {
      const outcome = await outcomeOf(() => decodeRecord({ ...item }));
      if ("error" in outcome) expectNamed(outcome.error, ["malformed-record"], attribute);
      else {
        const { entity, tail, fence, wakeCount } = outcome.value;
        expect(entity).toBe("t");
        expect(isTail(tail)).toBe(true);
        expect([fence, wakeCount].every(Number.isSafeInteger)).toBe(true);
      }
      expectNoPollution();
    },
  );

  let database: TestDatabase;
  let table: string;
  beforeAll(async () => {
    database = await startDatabase();
    table = await database.createTable();
  });
  afterAll(() => database.close());

  const put = (item: Item) => database.client.send(new PutItemCommand({ TableName: table, Item: { ...item } }));
  const keyOf = (item: Item) => ({ [tableKeys.partition]: { ...item.pk }, [tableKeys.sort]: { ...item.sk } }) as Item;
  const stored = async (item: Item) => {
    const { Item: found } = await database.client.send(
      new GetItemCommand({ TableName: table, Key: { ...keyOf(item) }, ConsistentRead: true }),
    );
    return found;
  };
  const remove = (item: Item) =>
    database.client.send(new DeleteItemCommand({ TableName: table, Key: { ...keyOf(item) } }));

  forEachCase(
    "task-records/table",
    "that cannot be read stays as it is, is named in the log, and keeps no other task from its run",
    hostileItem("t"),
    async (item) => {
      const [, good] = validItems("u");
      if (!good) throw new Error("expected a valid item");
      // The table itself refuses what none of its writers can have written.
      const isStorable = await put(item).then(
        () => true,
        (error: Error) => {
          expect(error.name).toBe("ValidationException");
          return false;
        },
      );
      fc.pre(isStorable);
      await put(good);
      try {
        const world = new World({ activities: [lazy(reader)], store: new DynamoTaskStore(database.client, table) });
        for (const thingId of ["t", "u"]) world.append(thingId, "e1");
        const before = await stored(item);
        const decoded = await outcomeOf(() => decodeRecord({ ...before }));
        const Records = ["t", "u"].map((entity) => ({
          messageId: entity,
          body: busEvent({ class: "signal", entity, kind: "thing" }),
        }));
        const answer = await wakeHandler(world.ports, { Records }, context);
        expect(answer?.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).not.toContain("u");
        expect(await world.record("u")).toMatchObject({ tail: "e1", status: "sleeping" });
        await world.tick();
        await world.drain();
        if (!("error" in decoded)) return;
        expect(await stored(item)).toEqual(before);
        expect(answer?.batchItemFailures).toEqual([{ itemIdentifier: "t" }]);
        expectNamed(decoded.error, ["malformed-record"], attribute);
        const { subject } = decoded.error;
        const errors = world.log.filter(({ level }) => level === "error");
        expect(errors.some(({ fields }) => String(fields.err).includes(subject))).toBe(true);
        const asked = await outcomeOf(() => tasksOf(world.ports).get(reader, { thingId: "t" }));
        expectNamed("error" in asked && asked.error, ["malformed-record"], attribute);
      } finally {
        await remove(item);
        await remove(good);
      }
    },
  );
});
