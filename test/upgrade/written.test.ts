import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tasksOf } from "../../functions/client.ts";
import { task } from "../../functions/contract/activity.ts";
import { readLeader } from "../../functions/leaders/leadership.ts";
import { readActions } from "../../functions/operate/actions.ts";
import { readQueueAge } from "../../functions/queue/queue-age.ts";
import { storedName } from "../../functions/tasks/dynamodb-codec.ts";
import { type Attribute, dueShards, eagerBuckets, taskName } from "../../functions/tasks/record.ts";
import { readLastTick } from "../../functions/tick/last-tick.ts";
import { bringReboundForward } from "../../functions/tick/rebinding.ts";
import { decodeBreaker } from "../../functions/upstream/breaker.ts";
import { decodeBusEvent, ownMessage } from "../../functions/wake/envelope.ts";
import { parseLeaderName } from "../../functions/wake/leader-name.ts";
import { isSignal, ownFields } from "../../functions/wake/wake.ts";
import { startDatabase, type TestDatabase } from "../support/dynamodb.ts";
import { type Item, TableWorld } from "./table-world.ts";
import { activities, textOf, toJson, type Written, withBytes, writtenNow } from "./written-now.ts";

const folder = new URL(".", import.meta.url).pathname;
const byNumber = new Intl.Collator("en", { numeric: true });
const versions = readdirSync(folder)
  .filter((name) => /^\d+\.\d+\.\d+$/.test(name))
  .sort(byNumber.compare);
const current = versions.at(-1) ?? "";
const files = ["tasks", "waiters", "views", "documents", "events", "bodies", "schedules"] as const;
/** Attributes that are read and not written any more. */
const past = ["waiters"];

function storedBy(version: string): Written {
  const read = (name: string) => {
    const path = join(folder, version, `${name}.json`);
    // Up to 0.2.0, waiters were in the records.
    return name === "waiters" && !existsSync(path) ? [] : JSON.parse(readFileSync(path, "utf8"));
  };
  const written = Object.fromEntries(files.map((name) => [name, read(name)])) as unknown as Written;
  return { ...written, views: written.views.map(withBytes) };
}

let database: TestDatabase;
beforeAll(async () => {
  database = await startDatabase();
  if (readdirSync(join(folder, current)).length > 0) return;
  const now = await writtenNow(database);
  for (const name of files) writeFileSync(join(folder, current, `${name}.json`), toJson(now[name]));
  throw new Error(`test/upgrade/${current} was empty and has been filled: read it, and add it to the repository`);
});
afterAll(() => database.close());

describe(`what the code writes now`, () => {
  it(`is what ${current} writes; another format needs the folder of the version that brings it (README.md)`, async () => {
    const [now, stored] = [await writtenNow(database), storedBy(current)];
    for (const name of files) {
      if (name !== "views") expect(JSON.parse(toJson(now[name])), name).toEqual(stored[name]);
    }
    const texts = (items: readonly Item[]) => items.map((item) => ({ ...item, json: textOf(item) }));
    expect(texts(now.views)).toEqual(texts(stored.views));
  });

  it("is there in every status, with every attribute that a record may have", () => {
    const source = readFileSync(new URL("../../functions/tasks/record.ts", import.meta.url), "utf8");
    const [body = ""] = /^export interface TaskRecord .*?^}/ms.exec(source) ?? [];
    const attributes = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name = ""]) => name);
    const { tasks } = storedBy(current);
    const stored = new Set(tasks.flatMap((item) => Object.keys(item)));
    expect(attributes.length).toBeGreaterThan(20);
    expect(attributes.filter((name) => !stored.has(storedName(name as Attribute)))).toEqual(past);
    const statuses = ["completed", "parked", "ready", "retrying", "running", "sleeping"];
    expect([...new Set(tasks.map(({ status }) => status?.S))].sort()).toEqual(statuses);
  });
});

/** A DynamoDB value as a plain value. */
function plain(value: AttributeValue): unknown {
  if (value.N !== undefined) return Number(value.N);
  if (value.M !== undefined) return Object.fromEntries(Object.entries(value.M).map(([key, one]) => [key, plain(one)]));
  return value.S ?? value.BOOL ?? value.SS;
}

function keyIn({ pk, sk }: Item) {
  const [kind = "", activity = ""] = sk?.S?.split("#") ?? [];
  return { entity: pk?.S?.replace("task#", "") ?? "", kind, activity };
}

describe.each(versions)("what version %s wrote", (version) => {
  let stored: Written;
  beforeAll(() => {
    stored = storedBy(version);
  });

  async function upgradedWorld() {
    const world = await TableWorld.start(database, { activities });
    const items = [...stored.tasks, ...stored.waiters, ...stored.views, ...stored.documents];
    for (const item of items) await world.put(item);
    return world;
  }

  it("is read: each record, attribute by attribute, by its key and by both indexes", async () => {
    const { store, clock } = await upgradedWorld();
    for (const item of stored.tasks) {
      const { pk: _pk, sk: _sk, dueShard: _shard, wakes: wakeCount, ...rest } = item;
      const attributes = { ...rest, ...(wakeCount && { wakeCount }) };
      const read = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, plain(value)]));
      expect(await store.get(keyIn(item))).toEqual({ ...read, ...keyIn(item) });
    }
    const names = (items: readonly Item[]) => items.map((item) => taskName(keyIn(item))).sort();
    const shards = Array.from({ length: dueShards }, (_, i) => store.due(i, clock.now() + 3_600_000, 100));
    const due = (await Promise.all(shards)).flat().map(({ key }) => taskName(key));
    expect(due.sort()).toEqual(names(stored.tasks.filter((item) => item.due)));
    const buckets = Array.from({ length: eagerBuckets }, (_, i) => store.eager(i));
    const watched = (await Promise.all(buckets)).flat().map(({ key }) => taskName(key));
    expect(watched.sort()).toEqual(names(stored.tasks.filter((item) => item.eagerBucket)));
  });

  it("runs on: each task after its tail, with its view; completed ones never (T1, T4, T5)", async () => {
    const world = await upgradedWorld();
    const { store, ports, clock } = world;
    const tasks = tasksOf(ports);
    const records = (await Promise.all(stored.tasks.map((item) => store.get(keyIn(item))))).flatMap((one) => one ?? []);
    for (const { entity } of records) world.histories.set(entity, ["e0", "e1", "e2"]);
    await clock.advance(3_600_000);
    await tasks.resumeUpstream("things");
    for (const { activity } of activities) {
      for (const { address, status, paused } of records.filter((one) => one.activity === activity.name)) {
        if (status === "parked" || paused) await tasks.resume(task(activity, address as { thingId: string }));
      }
    }
    for (const thingId of world.histories.keys()) await world.signal(thingId);
    for (let ticks = 0; ticks < 3; ticks++) {
      await world.tick();
      await world.drainUntil(clock.now() + 60_000);
    }
    for (const before of records) {
      if (before.engine === "eager") continue;
      const after = await store.get(before);
      const name = taskName(before);
      if (before.status === "completed") {
        expect(after, name).toMatchObject({ status: "completed", fence: before.fence, tail: before.tail });
        expect(after, name).not.toHaveProperty("waiters");
        continue;
      }
      expect(after, name).toMatchObject({ status: "sleeping", tail: "e2", attempts: 0, strikes: 0 });
      expect(after?.fence, name).toBeGreaterThan(before.fence);
      const asked = world.opened.filter(({ thingId }) => thingId === before.entity).map(({ after: from }) => from);
      expect(asked[0], name).toBe(before.tail === "epoch" ? "" : before.tail);
      if (before.viewVersion === undefined || !after) continue;
      const view = after.view ?? (await store.getView(after, after.viewRef ?? ""));
      // The events up to the stored tail come from the stored view.
      expect(JSON.parse(view ?? "{}").ids, name).toEqual(before.tail === "e1" ? ["e1", "e2"] : ["e0", "e1", "e2"]);
    }
  });

  it("is heard: each bus event, message and schedule, field by field", () => {
    const heard = (source: unknown, type: unknown, detail: unknown) => {
      const event = decodeBusEvent({ source, "detail-type": type, detail });
      if (event.detailType.startsWith("Hold")) return { holder: parseLeaderName(ownFields(event.detail).holder) };
      const message = ownMessage(event);
      if (!message || isSignal(message)) return message;
      const { key, ...rest } = message;
      return { ...rest, ...key };
    };
    expect(stored.events.length).toBeGreaterThan(12);
    for (const { Source, DetailType, Detail = "" } of stored.events as Record<string, string>[]) {
      const said = JSON.parse(Detail);
      expect(heard(Source, DetailType, said)).toEqual(DetailType === "Signal" ? { class: "signal", ...said } : said);
    }
    expect(stored.bodies.length).toBeGreaterThan(1);
    for (const body of stored.bodies) {
      expect(ownMessage(decodeBusEvent(body))).toEqual({ class: "signal", ...JSON.parse(body).detail });
    }
    expect(stored.schedules.length).toBeGreaterThan(0);
    for (const schedule of stored.schedules) {
      const { EventBridgeParameters: event, Input } = Object(schedule).Target;
      expect(heard(event.Source, event.DetailType, JSON.parse(Input))).toEqual(JSON.parse(Input));
    }
  });

  it("is respected: who holds a place, an upstream's breaker and pause, the word of a late queue, of the last tick and actions", async () => {
    const { ports } = await upgradedWorld();
    const { control, breakers } = ports;
    const documents = Object.fromEntries(
      stored.documents.map(({ pk, json }) => [pk?.S?.replace("control#", ""), JSON.parse(json?.S ?? "")]),
    );
    for (const leader of ["signals", "eager-0-of-1"] as const) {
      expect((await readLeader(control, leader)).state).toEqual(documents[`holder#${leader}`]);
    }
    expect(decodeBreaker("things", documents["upstream#things"])).toMatchObject({ state: "open", trips: 1 });
    expect(await breakers.admit("things")).toEqual({ type: "paused" });
    expect(await readQueueAge(control, "wakes")).toEqual(documents["queue-age"]);
    // The first version has none.
    expect(await readLastTick(control)).toEqual(documents["last-tick"]);
    expect(await readActions(control)).toEqual(documents.actions?.entries ?? []);
    // As now: so nothing is brought forward, and nothing is written.
    expect(await bringReboundForward(ports, 1, new AbortController().signal)).toBe(0);
    if (documents.bindings) expect((await control.read("bindings"))?.value).toEqual(documents.bindings);
    const known = [
      "queue-age",
      "last-tick",
      "actions",
      "bindings",
      "upstream#things",
      "holder#signals",
      "holder#eager-0-of-1",
    ];
    expect(Object.keys(documents).filter((name) => !known.includes(name))).toEqual([]);
  });
});
