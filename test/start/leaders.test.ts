import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeployedApp, expectNothingSkipped, until } from "../support/deployed-app.ts";

const repos = 5;

describe("functions in processes of their own, with invocations of seconds", () => {
  const world = new DeployedApp({
    versions: { leaders: "test/start/leaders-app.ts" },
    repos,
    lazyMs: 1_500,
    // A test has three of them in a row.
    leadMs: 12_000,
  });
  beforeAll(() => world.start((repoIds) => ({ BLOCKING: repoIds[0] ?? "" })), 60_000);
  afterAll(() => world.close());
  const all = Array.from({ length: repos }, (_, i) => i);
  /** Repo 0's lazy activity blocks its process. */
  const healthy = all.slice(1);
  /** Ids of a repo's events that an activity has seen. */
  const seen = (activity: string, repo: number) =>
    world
      .seen()
      .flatMap(([name, repoId, id = ""]) => (name === activity && repoId === world.repoIds[repo] ? [id] : []));
  const seenAll = (activity: string, of: readonly number[]) =>
    of.every((repo) => seen(activity, repo).includes(world.history(repo).at(-1) ?? ""));

  it("hand signals and watches over from instance to instance, and no event is skipped, though one is killed", async () => {
    world.tick();
    await until("both are held", () => world.logged('"msg":"holding"') >= 2, 30_000);
    await until("the roots have started all", async () => (await world.tasks()).length === 1 + 2 * repos, 30_000);
    const began = performance.now();
    let killed = false;
    for (let round = 1; performance.now() - began < 34_000; round++) {
      for (const repo of all) world.commit(repo);
      await new Promise((resolve) => setTimeout(resolve, 250));
      if (!killed && performance.now() - began > 14_000) {
        killed = true;
        await world.lambda.kill("eager");
      }
      if (round % 12 === 0) world.tick();
    }
    // The tasks of a killed leader are taken over after 15 s, the clock skew, and a tick.
    const ticking = setInterval(() => world.tick(), 2_000);
    await until("the watching activities have seen all", () => seenAll("watching", all), 30_000);
    await until("the signaled activities have seen all", () => seenAll("signaled", healthy), 30_000);
    clearInterval(ticking);
    for (const repo of all) expectNothingSkipped(world.history(repo), seen("watching", repo));
    for (const repo of healthy) expectNothingSkipped(world.history(repo), seen("signaled", repo));
    expect(world.logged('"leader":"signals"') + world.logged('"leader":"eager-0-of-1"')).toBeGreaterThan(6);
    expect(world.logged('"msg":"handed over"')).toBeGreaterThanOrEqual(3);
  }, 120_000);

  it("outlive an activity that blocks its event loop: the others run on, it alone is quarantined (rule 8)", async () => {
    const bad = async () =>
      (await world.tasks()).find((task) => task.activity === "signaled" && task.entity === world.repoIds[0]);
    await until("it has its strikes", async () => ((await bad())?.strikes ?? 0) >= 2, 60_000);
    const others = (await world.tasks()).filter(
      (task) => task.activity === "signaled" && task.entity !== world.repoIds[0],
    );
    expect(others).toHaveLength(repos - 1);
    for (const repo of healthy) world.commit(repo);
    await until("the others see what comes", () => seenAll("signaled", healthy), 20_000);
    for (const { strikes } of (await world.tasks()).filter((task) =>
      others.some(({ entity }) => entity === task.entity),
    ))
      expect(strikes).toBe(0);
    expect(seen("signaled", 0)).toEqual([]);
  }, 120_000);
});
