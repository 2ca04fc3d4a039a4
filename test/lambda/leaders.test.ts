import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { eager } from "../../functions/engines/binding.ts";
import { eagerHandler, signalsHandler } from "../../functions/lambda/leader-event.ts";
import { parseLeaderName } from "../../functions/wake/leader-name.ts";
import { settle } from "../support/test-clock.ts";
import { thing, World } from "../support/world.ts";

const reader = defineProcessor(thing, { name: "reader", processEvents: async (run) => caughtUp(run.tail) });
const event = (leader: unknown) => ({ source: "tailwake", "detail-type": "HoldEager", detail: { holder: leader } });
const contextOf = (remainingMs: number) => ({ getRemainingTimeInMillis: () => remainingMs, awsRequestId: "r" });

const startWorld = (eagerShards = 2) => new World({ activities: [eager(reader)], limits: { eagerShards } });

describe("the eager function", () => {
  it("holds the shard that its event names until a reserve before its time ends", async () => {
    const world = startWorld();
    const held = eagerHandler(world.ports, event("eager-1-of-2"), contextOf(60_000));
    await settle();
    expect(await world.ports.control.read("holder#eager-1-of-2")).toMatchObject({ value: { epoch: 1 } });
    await world.clock.advance(51_000);
    expect(world.log.map(({ message }) => message)).toEqual(["leading"]);
    await world.clock.advance(1_500);
    expect(await held).toEqual({ leader: "eager-1-of-2", ended: "handed over", watched: 0, runs: 0 });
    expect(world.log.map(({ message }) => message)).toEqual(["leading", "handed over", "led"]);
    expect(world.clock.sleeping).toBe(0);
  });

  it("passes over an event of an earlier division into shards, and one for the signals", async () => {
    const world = startWorld(1);
    for (const leader of ["eager-1-of-2", "signals"]) {
      expect(await eagerHandler(world.ports, event(leader), contextOf(60_000))).toBeUndefined();
      expect(world.log.at(-1)).toMatchObject({ level: "warn", message: "no such shard" });
    }
  });

  it.each([
    ["no event", undefined, "field source"],
    ["no JSON", "{", "bus event"],
    ["no leader", event(undefined), "detail.holder"],
    ["a leader that is no text", event(7), "detail.holder"],
    ["a shard beyond the last", event("eager-2-of-2"), "detail.holder"],
    ["a long number", event("eager-0-of-999999999999999999999"), "detail.holder"],
    ["no detail", { source: "tailwake", "detail-type": "HoldEager" }, "detail.holder"],
  ])("refuses %s, naming it", async (_what, given, names) => {
    const world = startWorld();
    await expect(eagerHandler(world.ports, given, contextOf(60_000))).rejects.toThrow(names);
    expect(world.clock.sleeping).toBe(0);
  });
});

describe("a place that another version has written", () => {
  it.each([
    ["epoch", { epoch: "1", owner: "a", aliveUntil: 0 }],
    ["owner", { epoch: 1, aliveUntil: 0 }],
    ["aliveUntil", { epoch: 1, owner: "a", aliveUntil: -1 }],
    ["leaving", { epoch: 1, owner: "a", aliveUntil: 0, leaving: "yes" }],
    ["released", { epoch: 1, owner: "a", aliveUntil: 0, released: null }],
    ["sweepAt", { epoch: 1, owner: "a", aliveUntil: 0, sweepAt: "soon" }],
    ["sweep", { epoch: 1, owner: "a", aliveUntil: 0, sweepAt: 1, sweep: { at: 1, shard: 32, left: 1 } }],
  ])("is refused by the name of its field %s", async (field, value) => {
    const world = startWorld(1);
    await world.ports.control.write("holder#signals", value, "any");
    const held = signalsHandler(world.ports, {}, contextOf(60_000));
    await expect(held).rejects.toMatchObject({ code: "malformed-record", subject: `leader signals, field ${field}` });
    expect(world.clock.sleeping).toBe(0);
  });
});

describe("the signals function", () => {
  it("holds the signals whatever event it is started with", async () => {
    for (const given of [undefined, {}, "x"]) {
      const world = startWorld();
      const held = signalsHandler(world.ports, given, contextOf(60_000));
      await world.clock.advance(60_000);
      expect(await held).toMatchObject({ ended: "handed over", received: 0 });
      expect(world.clock.sleeping).toBe(0);
    }
  });
});

describe("the name of a leader", () => {
  it("is signals, or a shard of so many", () => {
    for (const name of ["signals", "eager-0-of-1", "eager-15-of-16"]) expect(parseLeaderName(name)).toBe(name);
    for (const name of ["", "eager", "eager-1-of-1", "eager--1-of-2", "eager-0-of-0", "Signals", null]) {
      expect(() => parseLeaderName(name)).toThrow("detail.holder");
    }
  });
});
