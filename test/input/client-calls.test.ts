import fc from "fast-check";
import { describe, expect } from "vitest";
import { type Tasks, tasksOf } from "../../functions/client.ts";
import { isTail } from "../../functions/contract/tail.ts";
import { decodeBreaker } from "../../functions/upstream/breaker.ts";
import { Connections } from "../../functions/upstream/connections.ts";
import { reader, thing } from "../support/world.ts";
import { hostileValue, oneFieldChanged } from "./arbitraries.ts";
import { forEachCase } from "./cases.ts";
import { expectNamed, expectNoPollution, outcomeOf } from "./named-error.ts";
import { tailsOf, worldWithNews } from "./thing-world.ts";

const methods = [
  "start",
  "signal",
  "get",
  "wake",
  "pause",
  "resume",
  "rewind",
  "pauseUpstream",
  "resumeUpstream",
] as const;

/** What JavaScript may pass, whatever the types say. */
const call = fc.record({
  method: fc.constantFrom(...methods),
  address: oneFieldChanged<unknown>([{ thingId: "t" }]),
  to: fc.oneof(hostileValue, fc.constantFrom("epoch", "e1")),
  force: fc.boolean(),
  activity: fc.oneof(
    { weight: 8, arbitrary: fc.constant<unknown>(reader) },
    { weight: 1, arbitrary: fc.constant<unknown>(thing) },
    { weight: 2, arbitrary: hostileValue },
  ),
  upstream: fc.oneof(fc.constant<unknown>("things"), hostileValue),
  reason: hostileValue,
});

const codes = [
  "invalid-argument",
  "invalid-definition",
  "unknown-activity",
  "unknown-kind",
  "unknown-task",
  "unknown-upstream",
  "store-refused",
] as const;
const subject =
  /^(activity|stream|address\.thingId of kind thing|task thing\/reader@|tail|reason|upstream|kind|entity id)/;

describe("the calls of an application", () => {
  forEachCase(
    "client-calls/tasks",
    "are refused by the name of what is wrong with them, and write nothing that cannot be read again",
    call,
    async (given) => {
      const world = await worldWithNews();
      const upstream = new Connections({ things: { baseUrl: "http://127.0.0.1:1", protocol: "connect" } }).of;
      const before = await tailsOf(world);
      const tasks = tasksOf({ ...world.ports, upstream });
      const outcome = await outcomeOf(() => called(tasks, given));
      const after = await tailsOf(world);
      if ("error" in outcome) {
        expectNamed(outcome.error, codes, subject);
        expect(after).toEqual(before);
      }
      expect(after["thing/reader@u"]).toBe(before["thing/reader@u"]);
      for await (const { tail, entity } of world.store.list()) {
        expect(isTail(tail)).toBe(true);
        expect(Buffer.from(entity).toString()).toBe(entity);
      }
      const breaker = await world.ports.control.read("upstream#things");
      if (breaker) decodeBreaker("things", breaker.value);
      expectNoPollution();
    },
  );
});

async function called(tasks: Tasks, given: Record<string, unknown> & { readonly method: (typeof methods)[number] }) {
  const { method, to, force, reason } = given;
  const activity = given.activity as typeof reader;
  const address = given.address as { readonly thingId: string };
  const upstream = given.upstream as string;
  const task = { activity, address };
  switch (method) {
    case "start":
    case "get":
      return tasks[method](activity, address);
    case "signal":
      return tasks.signal((activity === reader ? thing : activity) as typeof thing, address);
    case "wake":
    case "pause":
    case "resume":
      return tasks[method](task);
    case "rewind":
      return tasks.rewind(task, to as "epoch", { force: force === true });
    case "pauseUpstream":
      return tasks.pauseUpstream(upstream, reason as string);
    case "resumeUpstream":
      return tasks.resumeUpstream(upstream);
  }
}
