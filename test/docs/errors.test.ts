import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { auditOrder } from "../../docs/samples/audit-order.ts";
import { type Event, PlacedSchema } from "../../docs/samples/gen/orders_pb.ts";
import { order } from "../../docs/samples/order-stream.ts";
import { shipOrder } from "../../docs/samples/ship-order.ts";
import {
  caughtUp,
  createApp,
  cron,
  defineActivity,
  defineProcessor,
  eventId,
  lazy,
  task,
} from "../../functions/index.ts";
import { historyOf, runActivity } from "../../functions/testing/index.ts";
import { blocksOf } from "./regions.ts";

const placed: Event["body"] = { case: "placed", value: create(PlacedSchema) };
const given = { address: { orderId: "A-1" }, history: historyOf([placed]) };
const orders = { baseUrl: "https://orders.internal", protocol: "connect" } as const;
const view = { version: 1, initial: (): Record<string, unknown> => ({}) };

/** A run of an activity that is wrong in one way, as JavaScript or a cast lets one write it. */
function ran(name: string, wrong: object): Promise<unknown> {
  const definition = { name, view, apply() {}, act: async () => caughtUp(), ...wrong };
  return failureOf(async () => {
    const { outcome } = await runActivity(defineActivity(order, definition as never), given);
    if (outcome.type === "retry") throw outcome.error;
  });
}

async function failureOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
  return "no error";
}

/** The errors of the guide, each by the mistake that leads to it, in the guide's order. */
const mistakes: readonly (() => Promise<unknown>)[] = [
  () => ran("dated", { apply: (dated: Record<string, unknown>) => void Object.assign(dated, { at: new Date(0) }) }),
  () => ran("hasty", { apply: async () => {} }),
  () => ran("copier", { apply: (copied: object) => ({ ...copied, placed: true }) }),
  () => ran("silent", { act: async () => {} }),
  () => {
    const lost = defineProcessor(order, { name: "lost", processEvents: async () => caughtUp(eventId("7")) });
    return failureOf(() => runActivity(lost, given));
  },
  () =>
    failureOf(() =>
      createApp({ activities: [lazy(shipOrder)], upstreams: { orders }, roots: [task(auditOrder, given.address)] }),
    ),
  () =>
    failureOf(() =>
      createApp({ activities: [lazy(shipOrder), cron(shipOrder, { everyMinutes: 5 })], upstreams: { orders } }),
    ),
  () => failureOf(() => createApp({ activities: [lazy(shipOrder)], upstreams: {} as never })),
  () => failureOf(() => runActivity(shipOrder, { ...given, address: { orderId: "" } })),
  () => failureOf(() => eventId("")),
];

it("the guide shows the errors that an author meets as they are", async () => {
  const errors = await Promise.all(mistakes.map((mistake) => mistake()));
  const shown = blocksOf("docs/activities.md", "text").map((block) => block.replaceAll(/\s+/g, " ").trim());
  expect(shown).toEqual(errors);
});

it("a rejection of an async apply ends nothing but its run", async () => {
  const rejects = async () => {
    throw new Error("later");
  };
  expect(await ran("hasty", { apply: rejects })).toContain("apply is not async");
});

it("what a view cannot hold is named by its place", async () => {
  const received = async (value: unknown) => {
    const text = await ran("leader", { view: { version: 1, initial: () => ({ list: [{ value }] }) } });
    return /received (.*) at view\.list\[0\]\.value \[/.exec(String(text))?.[1] ?? text;
  };
  expect(await received(new Map())).toBe("a Map");
  expect(await received(1n)).toBe("a bigint");
  expect(await received(Number.NaN)).toBe("NaN");
  expect(await received(new Uint8Array(1))).toBe("a Uint8Array");
  expect(await received(() => 1)).toBe("a function");
  for (const fine of [1, "", null, undefined, true, { a: [] }]) expect(await received(fine)).toBe("no error");
  const ring: Record<string, unknown> = {};
  ring.self = ring;
  expect(await received(ring)).toContain("a circular reference at view.list[0].value.self");
});
