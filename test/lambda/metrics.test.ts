import { describe, expect, it, onTestFinished, vi } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { type Meter, type MetricName, metricUnits } from "../../functions/engines/meter.ts";
import { noteQueueAge } from "../../functions/engines/queue-age.ts";
import { startTask } from "../../functions/engines/start.ts";
import { cronHandler } from "../../functions/lambda/cron-event.ts";
import { emfMeter } from "../../functions/lambda/emf-meter.ts";
import { wakeHandler } from "../../functions/lambda/wake-event.ts";
import { TestClock } from "../support/test-clock.ts";
import { busEvent, reader, thing, World } from "../support/world.ts";

const minute = 60_000;
const context = { getRemainingTimeInMillis: () => 120_000, awsRequestId: "request-1" };

const failing = defineProcessor(thing, {
  name: "failing",
  parkAfterAttempts: 2,
  async processEvents() {
    throw new Error("no route");
  },
});
/** Sums what was measured; `published` is what had been by the last end of an invocation. */
function measuredIn(world: World) {
  const sums: Partial<Record<MetricName, number>> = {};
  const measured = { sums, published: {} as typeof sums };
  const meter: Meter = {
    add: (name, value) => {
      sums[name] = (sums[name] ?? 0) + value;
    },
    publish: () => {
      measured.published = { ...sums };
    },
  };
  Object.assign(world.machinery, { meter });
  return measured;
}

describe("the measurements of the functions", () => {
  it("count runs, those that failed, and tasks that were parked", async () => {
    const world = new World({ activities: [lazy(reader), lazy(failing)] });
    const measured = measuredIn(world);
    world.append("t", "e1");
    await startTask(world.machinery, reader, { thingId: "t" });
    await startTask(world.machinery, failing, { thingId: "t" });
    for (const message of world.wakes.take()) {
      await wakeHandler(world.machinery, JSON.parse(busEvent(message)), context);
    }
    expect(measured.published).toEqual({ Runs: 2, Retries: 1 });
    await world.clock.advance(minute);
    for (const message of world.wakes.take()) {
      await wakeHandler(world.machinery, JSON.parse(busEvent(message)), context);
    }
    expect(measured.published).toEqual({ Runs: 3, Retries: 2, Parked: 1 });
    expect(await world.record("t", "failing")).toMatchObject({ status: "parked" });
  });

  it("say that a tick ended well, what it found, and how overdue the oldest was", async () => {
    const world = new World({ activities: [lazy(reader)] });
    const measured = measuredIn(world);
    const budget = { looks: 100, concurrency: 5 };
    await startTask(world.machinery, reader, { thingId: "t" });
    world.wakes.take();
    const { due = 0 } = (await world.record("t")) ?? {};
    await world.clock.advance(due - world.clock.now() + 90_000);
    await cronHandler(world.machinery, [], budget, {}, context);
    expect(measured.published).toEqual({ Ticks: 1, OldestDueSeconds: 90, Rescues: 1, ProbesWithNews: 0, Parked: 0 });
  });

  it("say how late the queue is when a tick looks at nothing for it (rule 11)", async () => {
    const world = new World({ activities: [lazy(reader)] });
    const measured = measuredIn(world);
    await noteQueueAge(world.machinery.control, { ageMs: 400_000, at: world.clock.now() });
    await cronHandler(world.machinery, [], { looks: 100, concurrency: 5 }, {}, context);
    expect(measured.published).toMatchObject({ Ticks: 1, OldestDueSeconds: 400 });
  });

  it("are of no tick that failed", async () => {
    const world = new World({ activities: [lazy(reader)] });
    const measured = measuredIn(world);
    world.store.due = () => Promise.reject(new Error("no table"));
    await expect(cronHandler(world.machinery, [], { looks: 1, concurrency: 1 }, {}, context)).rejects.toThrow(
      "no table",
    );
    expect(measured.published).toEqual({});
  });
});

describe("the meter of CloudWatch", () => {
  function printed() {
    const lines: string[] = [];
    const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
    onTestFinished(() => write.mockRestore());
    return () => lines.splice(0).map((line) => JSON.parse(line));
  }

  it("leaves one line of embedded metric format an invocation, and none where nothing was measured", () => {
    const take = printed();
    const meter = emfMeter("orders-prod", new TestClock());
    meter.publish();
    expect(take()).toEqual([]);
    for (const name of Object.keys(metricUnits) as MetricName[]) meter.add(name, 2);
    expect(take()).toEqual([]);
    meter.publish();
    const [line, ...more] = take();
    expect(more).toEqual([]);
    expect(line).toMatchObject({ service: "orders-prod", Runs: 2, OldestDueSeconds: 2 });
    const [metric, ...others] = line._aws.CloudWatchMetrics;
    expect(others).toEqual([]);
    expect(metric).toEqual({
      Namespace: "Tailwake",
      Dimensions: [["service"]],
      Metrics: Object.entries(metricUnits).map(([Name, Unit]) => ({ Name, Unit })),
    });
    meter.publish();
    expect(take()).toEqual([]);
  });

  it("does not wait for the end of an invocation that takes minutes", async () => {
    const take = printed();
    const clock = new TestClock();
    const meter = emfMeter("orders-prod", clock);
    meter.add("Runs", 1);
    await clock.advance(59_000);
    meter.add("Runs", 1);
    expect(take()).toEqual([]);
    await clock.advance(1_000);
    meter.add("Runs", 1);
    expect(take()).toMatchObject([{ Runs: 3 }]);
  });
});
