import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { DynamoControlStore } from "../../functions/tasks/dynamodb-control.ts";
import { start } from "../../functions/tasks/transitions.ts";
import type { TestDatabase } from "../support/dynamodb.ts";
import { testControlStore } from "./control.suite.ts";
import { testTaskStore } from "./store.suite.ts";

/** The contracts of both adapters to DynamoDB, and what they say of items that no adapter of ours wrote. */
export function testDynamo(engine: string, startDatabase: () => Promise<TestDatabase>): void {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await startDatabase();
  });
  afterAll(() => database?.close());

  describe(`the task table in ${engine}`, () => {
    testTaskStore(async () => new DynamoTaskStore(database.client, await database.createTable()));

    it("reports a record that cannot be read, by attribute, and still reads the others", async () => {
      const table = await database.createTable();
      const store = new DynamoTaskStore(database.client, table);
      const key = { entity: "e", kind: "order", activity: "ship" };
      await store.update(key, start({ orderId: "e" }, "lazy", 0));
      await database.client.send(
        new PutItemCommand({
          TableName: table,
          Item: { pk: { S: "task#e" }, sk: { S: "order#bill" }, status: { S: "flying" }, address: { M: {} } },
        }),
      );
      const { tasks, malformed } = await store.tasksOf("e");
      expect(tasks.map(({ activity }) => activity)).toEqual(["ship"]);
      expect(malformed.map(({ code, subject }) => [code, subject])).toEqual([
        ["malformed-record", "record task#e order#bill, attribute engine"],
      ]);
    });

    it("reads a record that a newer version wrote, passing over what it does not know", async () => {
      const table = await database.createTable();
      const store = new DynamoTaskStore(database.client, table);
      const item = {
        pk: { S: "task#e" },
        sk: { S: "order#ship" },
        address: { M: { orderId: { S: "e" } } },
        engine: { S: "lazy" },
        status: { S: "sleeping" },
        tail: { S: "epoch" },
        wakes: { N: "0" },
        fence: { N: "3" },
        attempts: { N: "0" },
        startedAt: { N: "1" },
        mood: { S: "sunny" },
      };
      await database.client.send(new PutItemCommand({ TableName: table, Item: item }));
      const record = await store.get({ entity: "e", kind: "order", activity: "ship" });
      expect(record).toMatchObject({ status: "sleeping", fence: 3, strikes: 0, rescues: 0 });
      expect(record).not.toHaveProperty("mood");
    });

    it("refuses a view that no item can hold, naming the task and both sizes", async () => {
      const store = new DynamoTaskStore(database.client, await database.createTable());
      const random = randomBytes(600_000).toString("base64");
      const stored = store.putView({ entity: "e", kind: "order", activity: "ship" }, "1.1", random);
      await expect(stored).rejects.toMatchObject({ code: "view-not-storable", subject: "view of order/ship@e" });
    });

    it("neither writes nor reads a view whose JSON is larger than a function can hold, however small it packs", async () => {
      const table = await database.createTable();
      const store = new DynamoTaskStore(database.client, table);
      const key = { entity: "e", kind: "order", activity: "ship" };
      const large = Buffer.alloc(33 * 2 ** 20, "x");
      const stored = store.putView(key, "1.1", large.toString());
      await expect(stored).rejects.toMatchObject({
        code: "view-not-storable",
        received: expect.stringContaining("of JSON"),
      });
      const Item = { pk: { S: "view#e" }, sk: { S: "order#ship#1.1" }, json: { B: gzipSync(large) } };
      await database.client.send(new PutItemCommand({ TableName: table, Item }));
      const read = store.getView(key, "1.1");
      await expect(read).rejects.toMatchObject({
        code: "malformed-record",
        subject: "view 1.1 of order/ship@e, attribute json",
      });
    });
  });

  describe(`control documents in ${engine}`, () => {
    testControlStore(async () => new DynamoControlStore(database.client, await database.createTable()));

    it("are no tasks", async () => {
      const table = await database.createTable();
      await new DynamoControlStore(database.client, table).write("a", {}, 0);
      for await (const record of new DynamoTaskStore(database.client, table).list()) expect(record).toBeUndefined();
    });

    it("that cannot be read are reported by name", async () => {
      const table = await database.createTable();
      const Item = { pk: { S: "control#a" }, sk: { S: "document" }, version: { N: "1" }, json: { S: "{" } };
      await database.client.send(new PutItemCommand({ TableName: table, Item }));
      const read = new DynamoControlStore(database.client, table).read("a");
      await expect(read).rejects.toMatchObject({ code: "malformed-record", subject: "control document a" });
    });
  });
}
