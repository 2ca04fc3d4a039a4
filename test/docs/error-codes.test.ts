import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { auditOrder } from "../../docs/samples/audit-order.ts";
import { order } from "../../docs/samples/order-stream.ts";
import { shipOrder } from "../../docs/samples/ship-order.ts";
import { tasksOf } from "../../functions/client.ts";
import { isTailwakeError, type TailwakeError, tailwakeErrorCodes } from "../../functions/contract/error.ts";
import { declarationOf } from "../../functions/contract/stream.ts";
import { systemClock } from "../../functions/foundation/clock.ts";
import {
  type Activity,
  caughtUp,
  completed,
  createApp,
  cron,
  defineActivity,
  defineProcessor,
  lazy,
  type Run,
  task,
} from "../../functions/index.ts";
import { RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { repo } from "../../functions/nog/index.ts";
import { decodeRecord } from "../../functions/tasks/dynamodb-codec.ts";
import { historyOf, runActivity, testCrashPoints } from "../../functions/testing/index.ts";
import { EventBridgeAlarms } from "../../functions/wake/eventbridge.ts";
import { repoEvent } from "../nog/messages.ts";
import { World } from "../support/world.ts";
import { project } from "./regions.ts";

const address = { orderId: "A-1" };
const history = historyOf([{ case: undefined, value: undefined }]);
const orders = { baseUrl: "https://orders.internal", protocol: "connect" } as const;
const upstreams = { orders };
const shipping = () => new World({ activities: [lazy(shipOrder)] });

/** What an activity that is wrong fails with. */
async function failureOfRun(activity: Activity<typeof order>): Promise<never> {
  const { outcome } = await runActivity(activity, { address, history });
  throw outcome.type === "retry" ? outcome.error : new Error(`the run ended as ${outcome.type}`);
}

/** Throws what a delivery to the lazy function fails with. */
async function failureOfDelivery(world: World, ...given: Parameters<World["deliver"]>): Promise<never> {
  throw (await world.deliver(...given))[0];
}

/** For each code, something that leads to the message in its section. */
const mistakes: Readonly<Record<(typeof tailwakeErrorCodes)[number], () => unknown>> = {
  "invalid-argument": () =>
    failureOfRun(
      defineProcessor(order, {
        name: "archive-order",
        async processEvents(run) {
          await run.checkpoint(undefined as never);
          return caughtUp(run.tail);
        },
      }),
    ),
  "invalid-definition": () => cron(shipOrder, { everyMinutes: 0.5 }),
  "malformed-message": () =>
    failureOfDelivery(shipping(), [{ source: "orders", "detail-type": "OrderMoved", detail: {} }]),
  "unknown-activity": () => createApp({ activities: [lazy(shipOrder)], upstreams, roots: [task(auditOrder, address)] }),
  "unknown-kind": () =>
    failureOfDelivery(shipping(), [
      { class: "probe", key: { entity: "P-1", kind: "parcel", activity: "track-parcel" } },
    ]),
  "unknown-task": () => tasksOf(shipping().ports).pause(task(shipOrder, { orderId: "A-9" })),
  "unknown-upstream": () => createApp({ activities: [lazy(shipOrder)], upstreams: {} as never }),
  "malformed-event": () => {
    const events = [repoEvent({ event: RepoEvent_Type.EV_FSO_GIT_REPO_CREATED })];
    const { read } = declarationOf(repo).definition;
    return read({ events, willBlock: false }).events.map(({ event }) => event);
  },
  "malformed-record": () =>
    decodeRecord({
      pk: { S: "task#A-1" },
      sk: { S: "order#ship-order" },
      address: { M: { orderId: { S: "A-1" } } },
      engine: { S: "lazy" },
      status: { S: "flying" },
    }),
  "view-not-storable": () =>
    failureOfRun(
      defineActivity(order, {
        name: "count-items",
        view: { version: 1, initial: () => ({ items: {} }) },
        apply(view) {
          view.items = new Map();
        },
        act: async () => caughtUp(),
      }),
    ),
  "lease-lost": async () => {
    let over: Run<typeof order> | undefined;
    const early = defineProcessor(order, {
      name: "archive-order",
      async processEvents(run) {
        over = run;
        return caughtUp(run.tail);
      },
    });
    await runActivity(early, { address, history });
    await over?.checkpoint(over.tail);
  },
  "endless-wait": () => {
    const selfish: Activity<typeof order> = defineActivity(order, {
      name: "ship-order",
      view: { version: 1, initial: () => ({}) },
      apply() {},
      async act(_view, run) {
        await run.start(selfish, run.address, { wake: true });
        return caughtUp();
      },
    });
    return failureOfRun(selfish);
  },
  "too-late": async () => {
    const world = shipping();
    await tasksOf(world.ports).start(shipOrder, address);
    const invocation = world.invocation();
    invocation.controller.abort();
    return failureOfDelivery(world, world.alarms.take(), invocation);
  },
  "wake-failed": () => {
    const refusal = { ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source." };
    const events = { send: async () => ({ Entries: [refusal] }) };
    const settings = { busName: "NAME", busArn: "", scheduleGroup: "NAME", scheduleRoleArn: "" };
    const wakes = new EventBridgeAlarms({ events, scheduler: undefined } as never, settings, systemClock);
    return wakes.send([{ class: "signal", entity: "A-1", kind: "order" }]);
  },
  "store-refused": async () => {
    const tasks = tasksOf(shipping().ports);
    await tasks.start(shipOrder, address);
    await tasks.resume(task(shipOrder, address));
  },
  "crash-point-differs": () => {
    let runs = 0;
    const counting = defineProcessor(order, {
      name: "count-order",
      async processEvents(run, stream) {
        runs += 1;
        let { tail } = run;
        for await (const { id } of stream) tail = id;
        await run.checkpoint(tail);
        return runs > 1 ? completed(tail) : caughtUp(tail);
      },
    });
    return testCrashPoints(counting, { address, history });
  },
};

async function failureOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return undefined;
}

const page = readFileSync(join(project, "docs/errors.md"), "utf8");
/** The text below each heading, by the heading. */
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const end = section.indexOf("\n");
      return [section.slice(0, end), section.slice(end)];
    }),
);

/** The parts of a section: what it means, then what stands below each of its titles in bold. */
function partsOf(code: string): readonly (readonly [string, string])[] {
  const [meaning = "", ...rest] = (sections.get(code) ?? "").split(/^\*\*(.+)\*\*$/m);
  return [
    ["", meaning.trim()],
    ...rest.flatMap((title, i) => (i % 2 ? [] : [[title, rest[i + 1]?.trim() ?? ""] as const])),
  ];
}

describe("the page of error codes", () => {
  it("has a section for each code, in the order of the codes, and no other", () => {
    expect([...sections.keys()]).toEqual([...tailwakeErrorCodes]);
  });

  it.each(tailwakeErrorCodes)("says of %s what it means, where it comes from and what to do", (code) => {
    const [meaning, causes, cures, example, ...more] = partsOf(code);
    expect(meaning?.[1]).toMatch(/^[A-Z`].*\.$/s);
    expect(causes).toEqual(["Causes", expect.stringMatching(/^- [A-Z`].*\.$/s)]);
    expect(cures).toEqual(["What to do", expect.stringMatching(/^- [A-Z`].*\.$/s)]);
    expect(example?.[0]).toBe("Example");
    expect(more).toEqual([]);
  });

  it.each(tailwakeErrorCodes)("shows of %s a message that the product raises", async (code) => {
    const [, shown = ""] = /^```text\n(.*)^```$/ms.exec(partsOf(code).at(-1)?.[1] ?? "") ?? [];
    const error = await failureOf(mistakes[code]);
    expect(isTailwakeError(error, code), String(error)).toBe(true);
    expect(shown.replaceAll(/\s+/g, " ").trim()).toBe((error as TailwakeError).message);
  });
});
