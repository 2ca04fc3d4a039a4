import { describe, expect, it } from "vitest";
import { defineActivity } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { eager } from "../../functions/engines/binding.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { startTask } from "../../functions/run/start.ts";
import { thing, World } from "../support/world.ts";

describe("an eager activity whose act has events of its own", () => {
  it("acts again when they have all come, not on each piece of them", async () => {
    const views: string[][] = [];
    let world: World | undefined;
    const activity = defineActivity(thing, {
      name: "writer",
      view: { version: 1, initial: (): { ids: string[] } => ({ ids: [] }) },
      apply(view, { id }) {
        view.ids.push(id);
      },
      async act(view) {
        views.push([...view.ids]);
        // Three commits of its own: the server has a head behind each.
        if (view.ids.length === 1) {
          for (const id of ["own1", "own2", "own3"]) {
            world?.append("t", id);
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
        return caughtUp();
      },
    });
    world = new World({ activities: [eager(activity)] });
    world.append("t", "e1");
    await startTask(world.ports, activity, { thingId: "t" });
    const invocation = world.invocation(900_000);
    const held = leadEagerShard(world.ports, { shard: 0, shards: 1 }, invocation);
    await world.clock.advance(5_000);
    expect(views).toEqual([["e1"], ["e1", "own1", "own2", "own3"]]);
    // Others' events find it at once.
    world.append("t", "e2");
    await world.clock.advance(0);
    expect(views).toHaveLength(3);
    invocation.controller.abort();
    await held;
  });
});
