import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TaskRecord, taskName } from "../../functions/tasks/record.ts";
import { DeployedApp, expectNothingSkipped, until } from "../support/deployed-app.ts";

const repos = 4;
const activities = ["signaled", "counting", "watching"] as const;

/** The app in separate processes, with samples of its records. */
class UpgradedApp extends DeployedApp {
  readonly #gate = join(this.folder, "gate");
  readonly samples = new Map<string, TaskRecord[]>();

  constructor() {
    super({
      versions: { first: "test/upgrade/first-app.ts", next: "test/upgrade/next-app.ts" },
      repos,
      // Longer than any wait at the gate.
      lazyMs: 150_000,
      // Long enough to reach the head of each stream, though a successor waits a second for the leadership.
      leadMs: 16_000,
    });
  }

  override start(): Promise<void> {
    return super.start(([gated = ""]) => ({ GATE: this.#gate, GATED: gated }));
  }

  /** Of the two ways to wait, this one keeps what it sees of the table meanwhile. */
  until(what: string, holds: () => boolean): Promise<void> {
    const sampled = async () => {
      for (const record of await this.tasks()) {
        const known = this.samples.get(taskName(record)) ?? [];
        this.samples.set(taskName(record), [...known, record]);
      }
      return holds();
    };
    return until(what, sampled, 200);
  }

  /** Closes the gate for the next run of the first repo's `signaled`, and waits until a run waits there. */
  async closeGate(version: string): Promise<void> {
    writeFileSync(this.#gate, "");
    const before = this.words(version, "waiting").length;
    await this.until(`${version} waits`, () => this.words(version, "waiting").length > before);
  }

  openGate(): void {
    rmSync(this.#gate);
  }

  /** The lines that a version's activity has recorded: the aggregate, the fence, and the event or view. */
  words(version: string | undefined, activity: string, repo?: number): string[][] {
    const of = repo === undefined ? undefined : this.repoIds[repo];
    return this.seen().flatMap(([by, name, repoId = "", ...more]) =>
      (version === undefined || by === version) && name === activity && (of === undefined || repoId === of)
        ? [[repoId, ...more]]
        : [],
    );
  }

  /** The events of a repo that an activity of any version was handed, in order. */
  handed(activity: string, repo: number): string[] {
    return this.words(undefined, activity, repo).map(([, , id = ""]) => id);
  }

  /** The views of a repo that a version has acted on. */
  views(version: string, repo: number): { ids: string[]; shape?: string }[] {
    return this.words(version, "counting", repo).map(([, , view = "{}"]) => JSON.parse(view));
  }

  get repos(): number[] {
    return this.repoIds.map((_, repo) => repo);
  }

  /** Returns whether a version's activities were handed, in every repo, an event committed after this call. */
  hasGoneOn(version: string): () => boolean {
    const before = this.repos.map((repo) => this.history(repo).length);
    const news = (repo: number, ids: readonly string[]) =>
      ids.some((id) => this.history(repo).indexOf(id) >= (before[repo] ?? 0));
    return () =>
      this.repos.every(
        (repo) =>
          // The first repo's signaled task waits at the gate.
          (repo === 0 ||
            news(
              repo,
              this.words(version, "signaled", repo).map(([, , id = ""]) => id),
            )) &&
          news(
            repo,
            this.words(version, "watching", repo).map(([, , id = ""]) => id),
          ) &&
          news(repo, this.views(version, repo).at(-1)?.ids ?? []),
      );
  }
}

describe("an app that is upgraded, and rolled back, while events keep coming", () => {
  const world = new UpgradedApp();
  const timers: NodeJS.Timeout[] = [];
  const stopTimers = () => {
    for (const timer of timers.splice(0)) clearInterval(timer);
  };
  beforeAll(() => world.start());
  afterAll(async () => {
    stopTimers();
    await world.close();
  });

  it("has both versions at work at once, and goes on without a gap, with the old one again too", async () => {
    world.tick();
    await until("both lead", () => world.logged('"msg":"leading"') >= 2);
    let turn = 0;
    timers.push(setInterval(() => world.commit(turn++ % repos), 125));
    timers.push(setInterval(() => world.tick(), 1_000));
    await world.until("the first version is at work", world.hasGoneOn("first"));

    for (const [old, other] of [
      ["first", "next"],
      ["next", "first"],
    ] as const) {
      await world.closeGate(old);
      const ended = world.words(old, "released").length;
      world.deploy(other);
      await world.until(`${other} is at work`, world.hasGoneOn(other));
      // The earlier run is still active, with its old code.
      expect(world.words(old, "released")).toHaveLength(ended);
      expect(world.words(old, "aborted")).toEqual([]);
      const [waiting] = world.samples.get(`repo/signaled@${world.repoIds[0]}`)?.slice(-1) ?? [];
      const [, fence] = world.words(old, "waiting").at(-1) ?? [];
      expect(waiting).toMatchObject({ status: "running", fence: Number(fence) });
      world.openGate();
      const news = world.history(0).length;
      await world.until(`${other} goes on with what ${old} had`, () =>
        world.words(other, "signaled", 0).some(([, , id = ""]) => world.history(0).indexOf(id) >= news),
      );
      expect(world.words(old, "released")).toHaveLength(ended + 1);
    }

    // The old version does not have the activity of a task that the new one left.
    world.addRepo();
    await world.until("the old version starts tasks", () =>
      activities.every((activity) => world.words("first", activity, repos).length > 0),
    );
    stopTimers();
    const last = (repo: number) => world.history(repo).at(-1) ?? "";
    await world.until("all is seen", () =>
      world.repos.every(
        (repo) =>
          world.handed("signaled", repo).includes(last(repo)) &&
          world.handed("watching", repo).includes(last(repo)) &&
          world.views("first", repo).at(-1)?.ids.includes(last(repo)),
      ),
    );
    const isAtRest = (record: TaskRecord) =>
      record.activity === "watching" || (record.status === "sleeping" && record.error === undefined);
    const atRest = () => [...world.samples.values()].every((records) => records.slice(-1).every(isAtRest));
    await world.until("all sleep", atRest);
  });

  it("has handed each activity each event, in order, and skipped none (T1)", () => {
    for (const repo of world.repos) {
      const history = world.history(repo);
      for (const activity of ["signaled", "watching"]) expectNothingSkipped(history, world.handed(activity, repo));
    }
  });

  it("had one run of a task at a time, under fences that rise, and no commit went back (T2)", () => {
    for (const activity of activities) {
      for (const repo of world.repos) {
        const runs = world.seen().filter(([, name, repoId]) => name === activity && repoId === world.repoIds[repo]);
        const fences = runs.map(([, , , fence]) => Number(fence));
        expect(fences).toEqual([...fences].sort((a, b) => a - b));
        const versions = new Map<string, Set<string>>();
        for (const [version = "", , , fence = ""] of runs) {
          versions.set(fence, (versions.get(fence) ?? new Set()).add(version));
        }
        for (const [fence, of] of versions) expect([...of], `fence ${fence} of ${activity}`).toHaveLength(1);
        const records = world.samples.get(`repo/${activity}@${world.repoIds[repo]}`) ?? [];
        // The number of samples between two runs depends on the machine.
        expect(records.length).toBeGreaterThan(1);
        const stored = records.map(({ fence }) => fence);
        expect(stored).toEqual([...stored].sort((a, b) => a - b));
        if (activity === "counting") continue;
        const tails = records.map(({ tail }) => world.history(repo).indexOf(tail));
        expect(tails).toEqual([...tails].sort((a, b) => a - b));
      }
    }
  });

  it("has rebuilt each view when its version changed, in both directions, and acted on whole ones (T5)", () => {
    for (const repo of world.repos) {
      const history = world.history(repo);
      for (const [version, shape] of [
        ["first", undefined],
        ["next", "next"],
      ] as const) {
        const views = world.views(version, repo);
        if (repo < repos) expect(views.length, version).toBeGreaterThan(0);
        for (const { ids, shape: found } of views) {
          expect(found).toBe(shape);
          expect(ids).toEqual(history.slice(0, ids.length));
        }
      }
      const records = world.samples.get(`repo/counting@${world.repoIds[repo]}`) ?? [];
      const viewVersions = records.flatMap(({ viewVersion }) => viewVersion ?? []);
      const changes = viewVersions.filter((version, i) => version !== viewVersions[i - 1]);
      expect(changes).toEqual(repo < repos ? [1, 2, 1] : [1]);
      for (const { view, tail } of records) {
        const { ids } = JSON.parse(view ?? '{"ids":[]}');
        expect(ids.at(-1) ?? "epoch").toBe(tail);
      }
    }
  });

  it("has nothing stuck: no task is in trouble, no message dead, and what went wrong is about the unknown activity", async () => {
    const tasks = await world.tasks();
    const extra = tasks.filter(({ activity }) => activity === "extra");
    expect(extra).toMatchObject([{ status: "sleeping", attempts: 0 }]);
    for (const { attempts, strikes, rescues } of tasks)
      expect({ attempts, strikes, rescues }).toMatchObject({ attempts: 0, strikes: 0 });
    expect(await world.queues.deadLetters.receive({ max: 10, waitMs: 0 })).toEqual([]);
    const errors = world.log.filter((line) => line.includes('"level":"error"') || /Task timed out|Error:/.test(line));
    const aboutExtra = errors.filter((line) => line.includes("unknown-activity") && line.includes("extra"));
    expect(aboutExtra.length).toBeGreaterThan(0);
    // Two batches can try to acquire the same task: the message of the loser is redelivered (rule 5).
    const others = errors.filter((line) => !aboutExtra.includes(line) && !line.includes("store-refused"));
    expect(others).toEqual([]);
  });
});
