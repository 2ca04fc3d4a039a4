import fc from "fast-check";
import { describe, expect } from "vitest";
import { cronHandler } from "../../functions/lambda/cron-event.ts";
import { eagerHandler, signalsHandler } from "../../functions/lambda/leader-event.ts";
import { leaderDocument } from "../../functions/leaders/leadership.ts";
import type { LeaderName } from "../../functions/wake/leader-name.ts";
import type { World } from "../support/world.ts";
import { hostileValue, oneFieldChanged } from "./arbitraries.ts";
import { forEachCase } from "./cases.ts";
import { hostileBody, hostileEvent } from "./messages.ts";
import { expectNamed, expectNoPollution, outcomeOf } from "./named-error.ts";
import { context, tailsOf, worldWithNews } from "./thing-world.ts";

const holdEager = { source: "tailwake", "detail-type": "HoldEager", detail: { holder: "eager-0-of-1" } };
const scheduled = { source: "aws.scheduler", "detail-type": "Scheduled Event", detail: {} };
const hostileStart = fc.oneof(
  { weight: 6, arbitrary: oneFieldChanged([holdEager, scheduled]) },
  { weight: 2, arbitrary: hostileValue.map((leader) => ({ ...holdEager, detail: { holder: leader } })) },
  { weight: 1, arbitrary: hostileEvent },
  { weight: 1, arbitrary: hostileBody },
);

/** Somebody has the place: whoever is started in order ends at once. */
async function take({ ports }: World, name: LeaderName): Promise<void> {
  const aliveUntil = ports.clock.now() + 15_000;
  await ports.control.write(leaderDocument(name), { epoch: 1, owner: "another", aliveUntil }, "any");
}

describe("the event that starts a function", () => {
  forEachCase("function-events/cron", "does not matter to a tick", hostileStart, async (event) => {
    const world = await worldWithNews();
    const before = await tailsOf(world);
    const report = await cronHandler(world.ports, [], { checks: 10, concurrency: 2 }, event, context);
    expect(report).toMatchObject({ failed: 0, leaders: 1 });
    expect(await tailsOf(world)).toEqual(before);
    expect(world.clock.sleeping).toBe(0);
  });

  forEachCase(
    "function-events/leaders",
    "does not matter to the signals function, and names a shard to the eager one or is refused by the field",
    hostileStart,
    async (event) => {
      const world = await worldWithNews();
      await take(world, "signals");
      await take(world, "eager-0-of-1");
      const before = await tailsOf(world);
      expect(await signalsHandler(world.ports, event, context)).toMatchObject({ ended: "led by another" });
      const outcome = await outcomeOf(() => eagerHandler(world.ports, event, context));
      if ("error" in outcome) {
        const field = /^(bus event|bus event, field (source|detail-type)|detail\.holder)$/;
        expectNamed(outcome.error, ["malformed-message"], field);
      } else if (outcome.value) expect(outcome.value).toMatchObject({ ended: "led by another" });
      else expect(world.log.at(-1)).toMatchObject({ level: "warn", message: "no such shard" });
      expect(await tailsOf(world)).toEqual(before);
      expect(world.clock.sleeping).toBe(0);
      expectNoPollution();
    },
  );
});
