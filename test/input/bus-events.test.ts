import fc from "fast-check";
import { describe, expect } from "vitest";
import { wakeHandler } from "../../functions/lambda/wake-event.ts";
import { decodeBusEvent, encodeBusEvent, ownMessage } from "../../functions/wake/envelope.ts";
import { forEachCase } from "./cases.ts";
import { hostileBody, hostileEvent, thingIn } from "./messages.ts";
import { expectNamed, expectNoPollution, outcomeOf } from "./named-error.ts";
import { context, tailsOf, worldWithNews } from "./thing-world.ts";

const field = /^(bus event|bus event, field (source|detail-type)|detail-type|detail\.[A-Za-z]+)$/;
const anyCode = ["malformed-message", "unknown-kind", "unknown-activity", "unknown-task", "invalid-argument"] as const;
const anySubject = /^(bus event|detail|kind|activity|task|address\.)/;

describe("a bus event", () => {
  forEachCase(
    "bus-events/decode",
    "is read as it was written, or refused by the name of its field",
    fc.oneof(hostileEvent, hostileBody),
    async (given) => {
      const outcome = await outcomeOf(() => ownMessage(decodeBusEvent(given)));
      if ("error" in outcome) expectNamed(outcome.error, ["malformed-message"], field);
      else if (outcome.value) {
        // As text: JSON has a zero below zero, and writes it as zero.
        const again = ownMessage(decodeBusEvent(encodeBusEvent(outcome.value)));
        expect(again && encodeBusEvent(again)).toBe(encodeBusEvent(outcome.value));
      }
      expectNoPollution();
    },
  );

  forEachCase(
    "bus-events/deliver",
    "that cannot be read fails its invocation by name and moves no tail (T1)",
    hostileEvent,
    async (event) => {
      const world = await worldWithNews();
      const before = await tailsOf(world);
      const thing = thingIn(event);
      const outcome = await outcomeOf(() => wakeHandler(world.ports, event, context));
      if ("error" in outcome) expectNamed(outcome.error, anyCode, anySubject);
      const after = await tailsOf(world);
      for (const [task, tail] of Object.entries(before)) {
        if (thing === undefined || !task.endsWith(`@${thing}`)) expect(after[task]).toBe(tail);
      }
      expect(world.clock.sleeping).toBe(0);
      expect(world.openStreams).toBe(0);
      expectNoPollution();
    },
  );
});
