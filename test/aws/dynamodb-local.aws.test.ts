import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { acquire, start } from "../../functions/tasks/transitions.ts";
import { recordRequests, type SentRequest, type TestDatabase, testDatabase } from "../support/dynamodb.ts";
import { testDynamo } from "../tasks/dynamodb.suite.ts";
import { startDynamoDbLocal } from "./tools.ts";

const startDatabase = async () => testDatabase(await startDynamoDbLocal());

testDynamo("AWS's DynamoDB Local", startDatabase);

describe("a refused write", () => {
  let database: TestDatabase;
  let requests: SentRequest[];
  beforeAll(async () => {
    database = await startDatabase();
    requests = recordRequests(database);
  });
  afterAll(() => database?.close());

  // The embedded database of the other tests omits the item, so the adapter reads it.
  it("brings the stored record along, in the one request that it is", async () => {
    const store = new DynamoTaskStore(database.client, await database.createTable());
    const key = { entity: "e", kind: "order", activity: "ship" };
    await store.update(key, start({ orderId: "e" }, "lazy", 0));
    const claim = { leaseUntil: 60_000, engine: "lazy", eagerBucket: undefined, inQuarantine: false, now: 0 } as const;
    const rule = { sleeping: true, early: false, fence: undefined };
    await store.update(key, acquire({ ...claim, token: "a" }, rule));
    const stored = await store.get(key);
    expect(stored).toMatchObject({ status: "running", token: "a" });
    requests.splice(0);
    const refused = await store.update(key, acquire({ ...claim, token: "b" }, rule));
    expect(refused).toEqual({ applied: false, record: stored });
    expect(requests.map(({ command }) => command)).toEqual(["UpdateItemCommand"]);
  });
});
