import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeployedApp, expectNothingSkipped, until } from "../support/deployed-app.ts";

const repos = 5;

describe("functions in processes of their own, with invocations of seconds", () => {
  const world = new DeployedApp({
    versions: { leaders: "test/start/leaders-app.ts" },
    repos,
    lazyMs: 1_500,
    // Three of them follow one another in a test.
    leadMs: 12_000,
  });
  beforeAll(() => world.start((repoIds) => ({ BLOCKING: repoIds[0] ?? "" })));
  afterAll(() => world.close());
  const all = Array.from({ length: repos }, (_, i) => i);
  /** Repo 0's lazy activity blocks its process. */
  const healthy = all.slice(1);
  /** Ids of a repo's events as an activity has seen them. */
  const seen = (activity: string, repo: number) =>
    world
      .seen()
      .flatMap(([name, repoId, id = ""]) => (name === activity && repoId === world.repoIds[repo] ? [id] : []));
  const seenAll = (activity: string, of: readonly number[]) =>
    of.every((repo) => seen(activity, repo).includes(world.history(repo).at(-1) ?? ""));
  const strikesOfBad = async () => {
    const tasks = await world.tasks();
    return tasks.find((task) => task.activity === "signaled" && task.entity === world.repoIds[0])?.strikes ?? 0;
  };

  it("hand signals and watches over from instance to instance, and no event is skipped, though one is killed", async () => {
    world.tick();
    await until("both lead", () => world.logged('"msg":"leading"') >= 2);
    await until("the roots have started all", async () => (await world.tasks()).length === 1 + 2 * repos);
    const begun = (leader: string) => world.logged(`"leader":"${leader}"`);
    const handedOver = () => world.logged('"msg":"handed over"');
    // The second leader of the eager tasks is killed when it has watched for a while. What comes after all else has
    // happened is seen at once: nothing was just lost with a process, to wait for its rescue.
    let roundsOfSecond = 0;
    const hasHappened = async () =>
      roundsOfSecond > 12 &&
      begun("eager-0-of-1") > 2 &&
      begun("signals") + begun("eager-0-of-1") > 6 &&
      handedOver() >= 3 &&
      (await strikesOfBad()) >= 2;
    for (let round = 1; !(await hasHappened()); round++) {
      for (const repo of all) world.commit(repo);
      await new Promise((resolve) => setTimeout(resolve, 250));
      if (begun("eager-0-of-1") >= 2 && ++roundsOfSecond === 12) await world.lambda.kill("eager");
      if (round % 12 === 0) world.tick();
    }
    // What a killed leader had is taken over after 15 s, the skew, and a tick.
    const ticking = setInterval(() => world.tick(), 2_000);
    await until("the watching activities have seen all", () => seenAll("watching", all));
    await until("the signaled activities have seen all", () => seenAll("signaled", healthy));
    clearInterval(ticking);
    for (const repo of all) expectNothingSkipped(world.history(repo), seen("watching", repo));
    for (const repo of healthy) expectNothingSkipped(world.history(repo), seen("signaled", repo));
  });

  it("outlive an activity that blocks its event loop: the others run on, it alone is quarantined (rule 8)", async () => {
    await until("it has its strikes", async () => (await strikesOfBad()) >= 2);
    const others = (await world.tasks()).filter(
      (task) => task.activity === "signaled" && task.entity !== world.repoIds[0],
    );
    expect(others).toHaveLength(repos - 1);
    for (const repo of healthy) world.commit(repo);
    await until("the others see what comes", () => seenAll("signaled", healthy));
    for (const { strikes } of (await world.tasks()).filter((task) =>
      others.some(({ entity }) => entity === task.entity),
    ))
      expect(strikes).toBe(0);
    expect(seen("signaled", 0)).toEqual([]);
  });
});
