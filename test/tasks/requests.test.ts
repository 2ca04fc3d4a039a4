import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { defineActivity } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { startTask } from "../../functions/run/start.ts";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { recordRequests, type SentRequest, startDatabase, type TestDatabase } from "../support/dynamodb.ts";
import { reader, thing, World } from "../support/world.ts";

/** What leaves the SDK, request by request. */
describe("the requests of a run without contention", () => {
  let database: TestDatabase;
  let requests: SentRequest[];
  beforeAll(async () => {
    database = await startDatabase();
    requests = recordRequests(database);
  });
  afterAll(() => database.close());
  beforeEach(() => requests.splice(0));

  const counter = defineActivity(thing, {
    name: "counter",
    view: { version: 1, initial: () => ({ n: 0 }) },
    apply(view) {
      view.n++;
    },
    act: async () => caughtUp(),
  });

  async function startedWorld(activity: typeof reader) {
    const store = new DynamoTaskStore(database.client, await database.createTable());
    const world = new World({ activities: [lazy(activity)], store });
    world.append("t", "e1");
    await startTask(world.ports, activity, { thingId: "t" });
    requests.splice(0);
    return world;
  }

  const touchesIndex = ({ input }: SentRequest) => String(input.UpdateExpression).includes("#due");

  it.each([
    ["level 1", reader],
    ["level 2", counter],
  ])("are exactly two writes, no read, and move no index key (%s)", async (_level, activity) => {
    const world = await startedWorld(activity);
    await world.drain();
    expect(requests.map(({ command }) => command)).toEqual(["UpdateItemCommand", "UpdateItemCommand"]);
    expect(requests.filter(touchesIndex)).toEqual([]);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e1" });
  });

  it("of a task that a signal starts are a read and a write more, and nothing wakes it a second time", async () => {
    const store = new DynamoTaskStore(database.client, await database.createTable());
    const world = new World({ activities: [lazy(reader, { startOnSignal: true })], store });
    world.append("t", "e1");
    requests.splice(0);
    await world.deliver([{ source: "things", "detail-type": "ThingChanged", detail: { id: "t" } }]);
    expect(world.alarms.take()).toEqual([]);
    expect(requests.map(({ command }) => command)).toEqual([
      "GetItemCommand",
      "UpdateItemCommand",
      "QueryCommand",
      "UpdateItemCommand",
      "UpdateItemCommand",
    ]);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e1" });
  });

  it("have one Query more when a signal has to find the tasks of its aggregate", async () => {
    const world = await startedWorld(reader);
    await world.drain();
    requests.splice(0);
    world.append("t", "e2");
    await world.signal("t");
    await world.drain();
    expect(requests.map(({ command }) => command)).toEqual(["QueryCommand", "UpdateItemCommand", "UpdateItemCommand"]);
    expect(requests.filter(touchesIndex)).toEqual([]);
  });

  it("are one read and one write for a start, and one read for a start of what is there", async () => {
    const world = await startedWorld(reader);
    await startTask(world.ports, reader, { thingId: "u" });
    expect(requests.map(({ command }) => command)).toEqual(["GetItemCommand", "UpdateItemCommand"]);
    requests.splice(0);
    await startTask(world.ports, reader, { thingId: "u" });
    expect(requests.map(({ command }) => command)).toEqual(["GetItemCommand"]);
  });

  it("keep the record below one kilobyte", async () => {
    const world = await startedWorld(counter);
    await world.drain();
    const { commands } = { commands: JSON.stringify(await world.record("t")).length };
    expect(commands).toBeLessThan(1024);
  });
});
