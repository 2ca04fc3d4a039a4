import { describe, expect, it } from "vitest";
import { tasksOf } from "../../functions/client.ts";
import { defineProcessor, task } from "../../functions/contract/activity.ts";
import { caughtUp, completed } from "../../functions/contract/outcome.ts";
import { eventId } from "../../functions/contract/tail.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { thing, World } from "../support/world.ts";

function setUp() {
  const runs: string[] = [];
  let ends: "caughtUp" | "completed" | "fails" = "caughtUp";
  const activity = defineProcessor(thing, {
    name: "reader",
    parkAfterAttempts: 1,
    async processEvents(run, stream) {
      runs.push(`${run.wokenBy} after ${run.tail}`);
      let tail = run.tail;
      for await (const { id } of stream) tail = id;
      if (ends === "fails") throw new Error("no route");
      return ends === "completed" ? completed(tail) : caughtUp(tail);
    },
  });
  const world = new World({ activities: [lazy(activity)] });
  world.append("t", "e1", "e2");
  const tasks = tasksOf(world.ports);
  const end = (how: typeof ends) => {
    ends = how;
  };
  return { activity, world, tasks, runs, end, of: task(activity, { thingId: "t" }), address: { thingId: "t" } };
}

describe("tasks from outside of a run", () => {
  it("start once, and are read back with their tail", async () => {
    const { activity, world, tasks, address } = setUp();
    expect(await tasks.get(activity, address)).toBeUndefined();
    expect(await tasks.start(activity, address)).toBe("ready");
    await world.drain();
    expect(await tasks.start(activity, address)).toBe("sleeping");
    expect(await tasks.get(activity, address)).toMatchObject({
      name: "thing/reader@t",
      engine: "lazy",
      status: "sleeping",
      tail: "e2",
      address,
    });
  });

  it("are listed, also by status and activity", async () => {
    const { activity, world, tasks } = setUp();
    for (const thingId of ["a", "b"]) await tasks.start(activity, { thingId });
    await world.drain();
    await tasks.pause(task(activity, { thingId: "b" }));
    const names = async (filter = {}) => {
      const found: string[] = [];
      for await (const { name } of tasks.list(filter)) found.push(name);
      return found.sort();
    };
    expect(await names()).toEqual(["thing/reader@a", "thing/reader@b"]);
    expect(await names({ status: "paused" })).toEqual(["thing/reader@b"]);
    expect(await names({ activity: "writer" })).toEqual([]);
  });

  it("run on a signal of the aggregate, and on an operator's wake without one", async () => {
    const { activity, world, tasks, runs, of, address } = setUp();
    await tasks.start(activity, address);
    await world.drain();
    await tasks.signal(thing, address);
    await world.drain();
    await tasks.wake(of);
    await world.drain();
    expect(runs).toEqual(["start after epoch", "signal after e2", "operator after e2"]);
  });

  it("do not run while they are paused, and do so once they are resumed", async () => {
    const { activity, world, tasks, runs, of, address } = setUp();
    await tasks.start(activity, address);
    await world.drain();
    await tasks.pause(of);
    world.append("t", "e3");
    await tasks.signal(thing, address);
    await tasks.wake(of);
    await world.drain();
    expect(runs).toHaveLength(1);
    await tasks.resume(of);
    await world.drain();
    expect(runs.at(-1)).toBe("operator after e2");
    expect(await tasks.get(activity, address)).toMatchObject({ status: "sleeping", tail: "e3" });
  });

  it("run again when they were parked and an operator resumes them", async () => {
    const { activity, world, tasks, end, of, address } = setUp();
    end("fails");
    await tasks.start(activity, address);
    await world.drain();
    const parked = await tasks.get(activity, address);
    expect(parked).toMatchObject({ status: "parked", lastError: { message: "no route", afterEvent: "epoch" } });
    end("caughtUp");
    await tasks.resume(of);
    await world.drain();
    expect(await tasks.get(activity, address)).toMatchObject({ status: "sleeping", attempts: 0 });
  });

  it("go back to an earlier event, and read on from there", async () => {
    const { activity, world, tasks, runs, of, address } = setUp();
    await tasks.start(activity, address);
    await world.drain();
    await tasks.rewind(of, eventId("e1"));
    await world.drain();
    expect(runs.at(-1)).toBe("operator after e1");
    expect(await tasks.get(activity, address)).toMatchObject({ tail: "e2" });
  });

  it("refuse what makes no sense, by name: unknown, completed, not paused", async () => {
    const { activity, world, tasks, end, of, address } = setUp();
    await expect(tasks.pause(of)).rejects.toMatchObject({ code: "unknown-task", subject: "task thing/reader@t" });
    await tasks.start(activity, address);
    await expect(tasks.resume(of)).rejects.toMatchObject({ code: "store-refused", received: "ready" });
    end("completed");
    await world.drain();
    for (const refused of [tasks.pause(of), tasks.resume(of), tasks.rewind(of, "epoch")]) {
      await expect(refused).rejects.toMatchObject({ code: "store-refused", received: "completed" });
    }
  });

  it("have completed also if they were paused while they ran: nothing is left to resume", async () => {
    const { activity, tasks, address, of, world, end } = setUp();
    end("completed");
    await tasks.start(activity, address);
    world.onEvent = async () => {
      world.onEvent = () => {};
      await tasks.pause(of);
    };
    await world.drain();
    expect(await tasks.get(activity, address)).toMatchObject({ status: "completed" });
    await expect(tasks.resume(of)).rejects.toMatchObject({ code: "store-refused", received: "completed" });
  });

  it("refuse what JavaScript may pass, by name, and write nothing", async () => {
    const { activity, tasks, address, of, world } = setUp();
    await tasks.start(activity, address);
    const before = await world.record("t");
    for (const tail of ["", "\ud800", "x".repeat(343), null, 7]) {
      const rewound = tasks.rewind(of, tail as never);
      await expect(rewound).rejects.toMatchObject({ code: "invalid-argument", subject: "tail for rewind" });
    }
    const none = { code: "invalid-definition", subject: "activity" };
    for (const value of [undefined, null, "reader", {}]) {
      await expect(tasks.start(value as never, address)).rejects.toMatchObject(none);
      await expect(tasks.wake(value as never)).rejects.toMatchObject(none);
      const signaled = tasks.signal(value as never, address as never);
      await expect(signaled).rejects.toMatchObject({ code: "invalid-definition", subject: "stream" });
    }
    for (const reason of [undefined, "", "x".repeat(201), "\ud800"]) {
      const paused = tasks.pauseUpstream("things", reason as never);
      await expect(paused).rejects.toMatchObject({ subject: "reason" });
    }
    expect(await world.record("t")).toEqual(before);
  });

  it("are not rewound under a run, unless forced: then that run's commit is refused (T2)", async () => {
    const { activity, world, tasks, of, address } = setUp();
    await tasks.start(activity, address);
    let forced: Promise<void> | undefined;
    world.onEvent = async (_thing, id) => {
      if (id !== "e2" || forced) return;
      await expect(tasks.rewind(of, "epoch")).rejects.toMatchObject({ received: "running" });
      forced = tasks.rewind(of, eventId("e1"), { force: true });
      await forced;
    };
    await world.deliver(world.alarms.take());
    expect(await tasks.get(activity, address)).toMatchObject({ status: "ready", tail: "e1" });
    expect(world.log.map(({ message }) => message)).toContain("lease lost");
    await world.drain();
    expect(await tasks.get(activity, address)).toMatchObject({ status: "sleeping", tail: "e2" });
  });
});
