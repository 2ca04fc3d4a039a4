import fc, { type Arbitrary } from "fast-check";
import { isTailwakeError } from "../../functions/contract/error.ts";
import { decodeBusEvent, ownMessage } from "../../functions/wake/envelope.ts";
import { isSignal, type WakeMessage } from "../../functions/wake/wake.ts";
import { hostileText, hostileValue, oneFieldChanged } from "./arbitraries.ts";

const key = { entity: "t", kind: "thing", activity: "reader" };
const own = (detailType: string, detail: object) => ({ source: "tailwake", "detail-type": detailType, detail });

/** What comes by the bus, the queues and the schedules, as EventBridge delivers it. */
export const validEvents: readonly object[] = [
  own("Signal", { entity: "t", kind: "thing" }),
  own("Signal", { entity: "t" }),
  own("Wake", { ...key, class: "start", fence: 0 }),
  own("Wake", { ...key, class: "timer", fence: 1, notBefore: 1_767_225_600_000 }),
  own("Wake", { ...key, class: "handOver", fence: 1 }),
  own("Wake", { ...key, class: "operator" }),
  own("Wake", { ...key, class: "probe" }),
  own("DelayedWake", { ...key, class: "child", notBefore: 1_767_225_600_000 }),
  own("LonelyWake", { ...key, class: "rescue" }),
  { source: "things", "detail-type": "ThingChanged", detail: { id: "t" } },
  {
    version: "0",
    id: "17793124-05d4-b198-2fde-7ededc63b103",
    account: "123456789012",
    time: "2026-01-01T00:00:00Z",
    region: "us-east-1",
    resources: [],
    ...own("Wake", { ...key, class: "rescue" }),
  },
];

/** An event that is wrong in one place, or none at all. */
export const hostileEvent: Arbitrary<unknown> = fc.oneof(
  { weight: 8, arbitrary: oneFieldChanged(validEvents) },
  { weight: 1, arbitrary: hostileValue },
  {
    weight: 1,
    arbitrary: hostileText.chain((detailType) =>
      oneFieldChanged(validEvents).map((event) => Object.assign({}, event, { "detail-type": detailType })),
    ),
  },
);

/** The same as a queue has it: JSON, perhaps cut off or with something in between. */
export const hostileBody: Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: hostileEvent.map((event) => JSON.stringify(event)) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(...validEvents), fc.nat(200), hostileText).map(([event, at, text]) => {
      const json = JSON.stringify(event);
      return `${json.slice(0, at)}${text}${at % 2 === 0 ? "" : json.slice(at)}`;
    }),
  },
  { weight: 1, arbitrary: hostileValue },
);

/** The thing that a body is about, if it can be read: then work for it may be done. */
export function thingIn(body: unknown): string | undefined {
  try {
    const event = decodeBusEvent(body);
    const message = ownMessage(event);
    if (message) return entityOf(message);
    const { id } = Object(event.detail);
    return typeof id === "string" ? id : undefined;
  } catch (error) {
    if (!isTailwakeError(error)) throw error;
    return undefined;
  }
}

const entityOf = (message: WakeMessage) => (isSignal(message) ? message.entity : message.key.entity);
