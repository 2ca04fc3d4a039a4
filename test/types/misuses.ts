/** A way of getting an activity wrong that does not compile, beside the right way. */
export interface Misuse {
  /** What is wrong, as the end of a sentence: "the compiler refuses …". */
  readonly what: string;
  /** Words of the message that tell an author why. */
  readonly says: readonly string[];
  /** The line that the message is about ends in `// ✗`. */
  readonly wrong: string;
  readonly right: string;
}

/** The names that all snippets begin with. */
export const prelude = `
import { caughtUp, completed, createApp, cron, defineActivity, defineProcessor, defineStream, epoch, eventId, lazy, type Outcome, retry, silentRetryAfter, task, type Tail } from "tailwake";
import { createTasks } from "tailwake/client";
import { registry, watchRepo, repo } from "tailwake/nog";
import { testCrashPoints, historyOf, runActivity } from "tailwake/testing";
import { Orders } from "../../docs/samples/gen/orders_pb.ts";
import { order } from "../../docs/samples/order-stream.ts";
import { shipOrder } from "../../docs/samples/ship-order.ts";
export const counted = { version: 1, initial: () => ({ n: 0 }) };
export const url = { baseUrl: "https://orders.internal", protocol: "connect" } as const;
`.trim();

const withView = (initial: string, mark = "") => `
defineActivity(order, {
  name: "a",
  view: { version: 1, initial: () => (${initial}) },${mark}
  apply() {},
  act: async () => caughtUp(),
});`;

const withApply = (apply: string) => `
defineActivity(order, {
  name: "a",
  view: counted,
  ${apply}
  act: async () => caughtUp(),
});`;

const withAct = (act: string) => `
defineActivity(order, {
  name: "a",
  view: counted,
  apply() {},
  ${act}
});`;

const unstorable = (what: string, wrong: string, right: string): Misuse => ({
  what: `${what} in a view`,
  says: ["a view must survive JSON"],
  wrong: withView(wrong, " // ✗"),
  right: withView(right),
});

const stream = (rest: string) => `
defineStream({
  kind: "x", upstream: "orders", address: ["orderId"],
  ${rest}
});`;

export const misuses: readonly Misuse[] = [
  // ── views ──
  unstorable("a Date", "{ at: new Date() }", "{ at: Date.now() }"),
  unstorable("a Map", "{ seen: new Map<string, number>() }", "{ seen: {} as Record<string, number> }"),
  unstorable("a Set", "{ seen: new Set<string>() }", "{ seen: [] as string[] }"),
  unstorable("a bigint", "{ size: 1n }", "{ size: 1 }"),
  unstorable("bytes", "{ hash: new Uint8Array() }", '{ hash: "" }'),
  unstorable("a function", "{ next: () => 1 }", "{ next: 1 }"),
  unstorable("a bigint, three levels deep,", "{ a: [{ b: { n: 1n } }] }", '{ a: [{ b: { n: "1" } }] }'),
  unstorable("a Date in an optional field", "{} as { at?: Date }", "{} as { at?: number }"),
  unstorable(
    "a Date in one variant",
    "{ s: 0 } as { s: 0 } | { s: 1; at: Date }",
    "{ s: 0 } as { s: 0 } | { s: 1; at: number }",
  ),
  {
    what: "a change of the view in act",
    says: ["read-only property"],
    wrong: withAct(`async act(view) {
    view.n = 1; // ✗
    return caughtUp();
  },`),
    right: withAct(`async act(view) {
    return view.n > 0 ? completed() : caughtUp();
  },`),
  },

  // ── apply ──
  {
    what: "an apply that returns a copy",
    says: ["apply changes the view in place", "a returned value would be lost"],
    wrong: withApply("apply: (view) => ({ n: view.n + 1 }), // ✗"),
    right: withApply("apply(view) { view.n += 1; },"),
  },
  {
    what: "an apply that returns a copy for some events",
    says: ["apply changes the view in place"],
    wrong: withApply(`apply(view, { event }) { // ✗
    if (event.case === "placed") return { n: view.n + 1 };
    return undefined;
  },`),
    right: withApply(`apply(view, { event }) {
    if (event.case !== "placed") return;
    view.n += 1;
  },`),
  },
  {
    what: "an async apply",
    says: ["apply is not async", "belongs into act"],
    wrong: withApply("async apply(view) { view.n += 1; }, // ✗"),
    right: withApply("apply: (view) => void (view.n += 1),"),
  },
  {
    what: "an event that the stream does not have",
    says: ['"placed"', '"shipt"', "no overlap"],
    wrong: withApply('apply(view, { event }) { if (event.case === "shipt") view.n = 1; }, // ✗'),
    right: withApply('apply(view, { event }) { if (event.case === "shipped") view.n = 1; },'),
  },
  {
    what: "a field of another event",
    says: ["'item' does not exist", "Shipped"],
    wrong: withApply(
      'apply(view, { event }) { if (event.case === "shipped") view.n = event.value.item.length; }, // ✗',
    ),
    right: withApply('apply(view, { event }) { if (event.case === "placed") view.n = event.value.item.length; },'),
  },

  // ── act ──
  {
    what: "a state that act forgets",
    says: ["undefined", "Decision"],
    wrong: `
defineActivity(order, {
  name: "a",
  view: { version: 1, initial: (): { state: "new" | "done" } => ({ state: "new" }) },
  apply() {},
  async act(view) { // ✗
    switch (view.state) {
      case "new": return caughtUp();
    }
  },
});`,
    right: `
defineActivity(order, {
  name: "a",
  view: { version: 1, initial: (): { state: "new" | "done" } => ({ state: "new" }) },
  apply() {},
  async act(view) {
    switch (view.state) {
      case "new": return caughtUp();
      case "done": return completed();
    }
  },
});`,
  },
  {
    what: "an outcome with a tail at level 2",
    says: ["a defineProcessor passes the tail, a defineActivity does not"],
    wrong: withAct("act: async () => completed(epoch), // ✗"),
    right: withAct("act: async () => completed(),"),
  },
  {
    what: "an error as the outcome of act",
    says: ["'Tailed<Retry>'", "'Decision'"],
    wrong: withAct("act: async () => retry(epoch, new Error()), // ✗"),
    right: withAct("act: async () => { throw new Error(); },"),
  },
  {
    what: "an act that is not async",
    says: ["Promise<Decision>"],
    wrong: withAct("act: () => caughtUp(), // ✗"),
    right: withAct("act: async () => caughtUp(),"),
  },
  {
    what: "a checkpoint at level 2",
    says: ["'checkpoint' does not exist", "RunContext"],
    wrong: withAct(`async act(_view, run) {
    await run.checkpoint(epoch); // ✗
    return caughtUp();
  },`),
    right: withAct(`async act(_view, run) {
    run.log.info("the engine keeps the tail");
    return caughtUp();
  },`),
  },
  {
    what: "a time in milliseconds where a wait ends",
    says: ["number", "Date"],
    wrong: withAct("act: async (_view, run) => silentRetryAfter(run.now().getTime() + 1), // ✗"),
    right: withAct("act: async (_view, run) => silentRetryAfter(new Date(run.now().getTime() + 1)),"),
  },
  {
    what: "a method that the service does not have",
    says: ["'cancel' does not exist"],
    wrong: withAct("act: async (_view, run) => { await run.client(Orders).cancel({}); return caughtUp(); }, // ✗"),
    right: withAct("act: async (_view, run) => { await run.client(Orders).ship({}); return caughtUp(); },"),
  },

  // ── level 1 ──
  {
    what: "an outcome without a tail at level 1",
    says: ["a defineProcessor passes the tail, a defineActivity does not"],
    wrong: 'defineProcessor(order, { name: "a", processEvents: async () => completed() }); // ✗',
    right: 'defineProcessor(order, { name: "a", processEvents: async (run) => completed(run.tail) });',
  },
  {
    what: "a level 1 activity that ends without an outcome",
    says: ["Promise<void>", "Outcome"],
    wrong: 'defineProcessor(order, { name: "a", async processEvents(run) { run.log.info("done"); } }); // ✗',
    right: 'defineProcessor(order, { name: "a", async processEvents(run) { return caughtUp(run.tail); } });',
  },
  {
    what: "text as a tail",
    says: ["'Tail'"],
    wrong: 'export const tail: Tail = "01H"; // ✗',
    right: 'export const tail: Tail = eventId("01H");',
  },
  {
    what: "a view at level 1",
    says: ["'view' does not exist"],
    wrong:
      'defineProcessor(order, { name: "a", view: counted, processEvents: async (run) => caughtUp(run.tail) }); // ✗',
    right: 'defineActivity(order, { name: "a", view: counted, apply() {}, act: async () => caughtUp() });',
  },

  // ── addresses ──
  {
    what: "an address key that the kind does not have",
    says: ["'repoId' does not exist", "orderId"],
    wrong: withAct("act: async (_view, { address }) => { void address.repoId; return caughtUp(); }, // ✗"),
    right: withAct("act: async (_view, { address }) => { void address.orderId; return caughtUp(); },"),
  },
  {
    what: "a child's address of another kind",
    says: ["'repoId' is missing", "orderId"],
    wrong: withAct("act: async (_view, run) => { await run.start(watchRepo, run.address); return caughtUp(); }, // ✗"),
    right: withAct("act: async (_view, run) => { await run.start(shipOrder, run.address); return caughtUp(); },"),
  },
  {
    what: "a task of another kind's address",
    says: ["'repoId' does not exist", "orderId"],
    wrong: 'task(shipOrder, { repoId: "r" }); // ✗',
    right: 'task(shipOrder, { orderId: "o" });',
  },

  // ── streams ──
  {
    what: "a unary method as a stream",
    says: ['"unary"', '"server_streaming"'],
    wrong: stream("method: Orders.method.ship, request: () => ({}), read: () => ({ events: [] }), // ✗"),
    right: stream("method: Orders.method.events, request: () => ({}), read: () => ({ events: [] }),"),
  },
  {
    what: "a request with another address key",
    says: ["'order' does not exist", "orderId"],
    wrong: stream(`method: Orders.method.events, read: () => ({ events: [] }),
  request: ({ order }) => ({ orderId: order }), // ✗`),
    right: stream(`method: Orders.method.events, read: () => ({ events: [] }),
  request: ({ orderId }) => ({ orderId }),`),
  },
  {
    what: "a request field that the method does not have",
    says: ["'{ id: string; }'", "MessageInit<EventsRequest>"],
    wrong: stream(`method: Orders.method.events, read: () => ({ events: [] }),
  request: ({ orderId }) => ({ id: orderId }), // ✗`),
    right: stream(`method: Orders.method.events, read: () => ({ events: [] }),
  request: ({ orderId }) => ({ orderId }),`),
  },
  {
    what: "text as the id of an event that is read",
    says: ["eventId(text)"],
    wrong: stream(`method: Orders.method.events, request: () => ({}),
  read: ({ events }) => ({ events: events.map(({ id, body }) => ({ id, event: body })) }), // ✗`),
    right: stream(`method: Orders.method.events, request: () => ({}),
  read: ({ events }) => ({ events: events.map(({ id, body }) => ({ id: eventId(id), event: body })) }),`),
  },

  // ── apps ──
  {
    what: "an app without an upstream that a stream has",
    says: ["'orders' is missing"],
    wrong: "createApp({ activities: [lazy(watchRepo), lazy(shipOrder)], upstreams: { nog: url } }); // ✗",
    right: "createApp({ activities: [lazy(watchRepo), lazy(shipOrder)], upstreams: { nog: url, orders: url } });",
  },
  {
    what: "an upstream with a protocol that there is not",
    says: ['"http"', '"grpc-web"'],
    wrong:
      'createApp({ activities: [lazy(shipOrder)], upstreams: { orders: { baseUrl: "", protocol: "http" } } }); // ✗',
    right: 'createApp({ activities: [lazy(shipOrder)], upstreams: { orders: { baseUrl: "", protocol: "grpc" } } });',
  },
  {
    what: "an activity that is not bound to an engine",
    says: ["engine"],
    wrong: "createApp({ activities: [shipOrder], upstreams: { orders: url } }); // ✗",
    right: "createApp({ activities: [lazy(shipOrder)], upstreams: { orders: url } });",
  },
  {
    what: "a cron binding without an interval",
    says: ["everyMinutes"],
    wrong: "cron(shipOrder, {}); // ✗",
    right: "cron(shipOrder, { everyMinutes: 5 });",
  },
  {
    what: "an operator's tail that is text",
    says: ["'Tail'"],
    wrong: `declare const app: import("tailwake").App;
export const rewound = createTasks(app).rewind(task(shipOrder, { orderId: "o" }), "01H"); // ✗`,
    right: `declare const app: import("tailwake").App;
export const rewound = createTasks(app).rewind(task(shipOrder, { orderId: "o" }), eventId("01H"));`,
  },

  // ── tests ──
  {
    what: "a history of another kind in runActivity",
    says: ["Recorded<{ type: string; }>", "Placed"],
    wrong: `void runActivity(shipOrder, {
  address: { orderId: "o" },
  history: historyOf([{ type: "pingStarted" }]), // ✗
});`,
    right: 'void runActivity(shipOrder, { address: { orderId: "o" }, history: historyOf([{ case: undefined }]) });',
  },
  {
    what: "an address of another kind in testCrashPoints",
    says: ["'repoId' does not exist"],
    wrong: 'void testCrashPoints(shipOrder, { address: { repoId: "r" }, history: [] }); // ✗',
    right: 'void testCrashPoints(shipOrder, { address: { orderId: "o" }, history: [] });',
  },

  // ── engines ──
  {
    what: "an engine that forgets an outcome",
    says: ["never"],
    wrong: `export function isOver(outcome: Outcome): boolean {
  switch (outcome.type) {
    case "completed": return true;
    case "caughtUp": case "canceled": case "silentRetry": case "silentRetryAfter": return false;
    default: outcome satisfies never; return false; // ✗
  }
}`,
    right: `export function isOver(outcome: Outcome): boolean {
  switch (outcome.type) {
    case "completed": return true;
    case "caughtUp": case "canceled": case "silentRetry": case "silentRetryAfter": case "retry": return false;
    default: outcome satisfies never; return false;
  }
}`,
  },
];
