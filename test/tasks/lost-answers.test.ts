import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lazy } from "../../functions/engines/binding.ts";
import { startTask } from "../../functions/run/start.ts";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import type { Operation } from "../../functions/tasks/update.ts";
import { startDatabase, type TestDatabase } from "../support/dynamodb.ts";
import { reader, World } from "../support/world.ts";

const minute = 60_000;

/** The SDK sends a request again whose answer is lost on the way: the second is refused, since the first was applied. */
describe("a write whose answer is lost (rule 5)", () => {
  let database: TestDatabase;
  let client: DynamoDBClient;
  /** Whether the answer of the next write is lost. */
  let losesAnswers = false;
  let lost = 0;
  beforeAll(async () => {
    database = await startDatabase();
    const { region, credentials, endpoint } = database.client.config;
    client = new DynamoDBClient({ region, credentials, ...(endpoint && { endpoint }), maxAttempts: 3 });
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const answer = await next(args);
        if (!losesAnswers || context.commandName !== "UpdateItemCommand") return answer;
        losesAnswers = false;
        lost++;
        throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
      },
      // Inside the SDK's retry loop, which is in the same step with a higher priority.
      { step: "finalizeRequest", priority: "low", name: "loseAnswers" },
    );
  });
  afterAll(async () => {
    client.destroy();
    await database.close();
  });

  async function startedWorld() {
    const store = new DynamoTaskStore(client, await database.createTable());
    const world = new World({ activities: [lazy(reader, { startOnSignal: true })], store });
    const before = lost;
    /** Loses the answer of the next write of an operation. */
    const loseAnswerOf = (operation: Operation) => {
      const update = store.update.bind(store);
      world.store.update = (key, change) => {
        if (change.operation === operation) {
          world.store.update = update;
          losesAnswers = true;
        }
        return update(key, change);
      };
    };
    return { world, loseAnswerOf, lostAnswers: () => lost - before };
  }

  it("of a start: its wake is sent", async () => {
    const { world, loseAnswerOf, lostAnswers } = await startedWorld();
    loseAnswerOf("start");
    expect(await startTask(world.ports, reader, { thingId: "t" })).toMatchObject({ started: true });
    expect(lostAnswers()).toBe(1);
    expect(world.alarms.take()).toMatchObject([{ class: "start" }]);
  });

  it.each(["acquire", "caughtUp"] as const)("of %s: the run goes on", async (operation) => {
    const { world, loseAnswerOf, lostAnswers } = await startedWorld();
    await startTask(world.ports, reader, { thingId: "t" });
    loseAnswerOf(operation);
    expect(await world.drain()).toEqual([]);
    expect(lostAnswers()).toBe(1);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", fence: 1 });
  });

  it("of a rescue: its wake is sent", async () => {
    const { world, loseAnswerOf, lostAnswers } = await startedWorld();
    await startTask(world.ports, reader, { thingId: "t" });
    world.alarms.take();
    await world.clock.advance(4 * minute);
    loseAnswerOf("rescue");
    expect(await world.tick()).toMatchObject({ rescued: 1, passed: 0 });
    expect(lostAnswers()).toBe(1);
    expect(world.alarms.take()).toMatchObject([{ class: "rescue" }]);
  });

  it("of the check of a sleeping task: it is probed", async () => {
    const { world, loseAnswerOf, lostAnswers } = await startedWorld();
    await startTask(world.ports, reader, { thingId: "t" });
    await world.drain();
    world.append("t", "e1");
    await world.clock.advance(20 * minute);
    loseAnswerOf("check a sleeping task");
    expect(await world.tick()).toMatchObject({ probed: 1, news: 1 });
    expect(lostAnswers()).toBe(1);
    expect(world.alarms.take()).toMatchObject([{ class: "probe" }]);
  });

  it("of a write that another writer has changed since: it counts as refused", async () => {
    const { world, lostAnswers } = await startedWorld();
    await startTask(world.ports, reader, { thingId: "t" });
    await world.drain();
    world.alarms.take();
    await world.clock.advance(20 * minute);
    const update = world.store.update.bind(world.store);
    world.store.update = async (key, change) => {
      if (change.operation !== "check a sleeping task") return update(key, change);
      world.store.update = update;
      await update(key, { ...change, changes: { due: 1 } });
      losesAnswers = false;
      return update(key, change);
    };
    expect(await world.tick()).toMatchObject({ probed: 0, passed: 1 });
    expect(lostAnswers()).toBe(0);
  });
});
