import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { DynamoControlStore } from "../../functions/tasks/dynamodb-control.ts";
import { MemoryControlStore } from "../../functions/tasks/memory-control.ts";
import { startDatabase, type TestDatabase } from "../support/dynamodb.ts";
import { testControlStore } from "./control.suite.ts";

describe("control documents in memory", () => {
  testControlStore(async () => new MemoryControlStore());
});

describe("control documents in DynamoDB", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await startDatabase();
  });
  afterAll(() => database.close());

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
