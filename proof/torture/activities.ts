import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  caughtUp,
  completed,
  defineActivity,
  defineProcessor,
  type Run,
  silentRetryAfter,
} from "../../functions/index.ts";
import { type RepoActivity, type RepoEvent, repo } from "../../functions/nog/index.ts";
import { emptyFold, type Fold, foldIn } from "./fold.ts";
import { completingEvent } from "./plan.ts";
import { record } from "./recorder.ts";
import { beginRound, type Round } from "./round.ts";

/* What a torture runs: activities that write down all that they are handed, and end in each way of the error contract. */

/** "skip-events": an activity now and then goes past an event, so that a test sees a torture fail. */
const broken = process.env.TORTURE_BROKEN;
/** It is there once faults have stopped: what an activity throws is one. */
const calmFile = process.env.TORTURE_CALM_FILE ?? "";
const chance = (share: number) => Math.random() < share;
/** Kills find something under way. */
const dawdle = () => sleep(Math.random() * 15);

const begin = (name: string, run: Run<typeof repo>): Round => beginRound(name, "repo", run.address.repoId, run);

export const noting = (name: string): RepoActivity =>
  defineProcessor(repo, {
    name,
    async processEvents(run, stream) {
      const round = begin(name, run);
      let { tail } = round;
      for await (const { id } of stream) {
        if (!(broken === "skip-events" && chance(0.1))) round.saw(id);
        tail = id;
        await dawdle();
      }
      return round.end(caughtUp(tail));
    },
  });

/** Writes its tail after every other event. */
export const checkpointing = (name: string): RepoActivity =>
  defineProcessor(repo, {
    name,
    async processEvents(run, stream) {
      const round = begin(name, run);
      for await (const { id } of stream) {
        round.saw(id);
        await dawdle();
        if (!chance(0.5)) continue;
        await run.checkpoint(id);
        round.checkpointed();
      }
      return round.end(caughtUp(round.tail));
    },
  });

export const throwing = (name: string): RepoActivity =>
  defineProcessor(repo, {
    name,
    async processEvents(run, stream) {
      const round = begin(name, run);
      for await (const { id } of stream) {
        round.saw(id);
        if (chance(0.03) && !existsSync(calmFile)) throw new Error("thrown now and then");
        run.advance(id);
      }
      return round.end(caughtUp(round.tail));
    },
  });

/** Asks for a pause now and then. */
export const waiting = (name: string): RepoActivity =>
  defineProcessor(repo, {
    name,
    async processEvents(run, stream) {
      const round = begin(name, run);
      for await (const { id } of stream) round.saw(id);
      const { tail } = round;
      return round.end(chance(0.3) ? silentRetryAfter(tail, new Date(run.now().getTime() + 30_000)) : caughtUp(tail));
    },
  });

const isLast = (event: RepoEvent) => event.type === "errorSet" && Number(event.message) >= completingEvent;

export const completing: RepoActivity = defineProcessor(repo, {
  name: "complete",
  async processEvents(run, stream) {
    const round = begin("complete", run);
    for await (const { id, event } of stream) {
      round.saw(id);
      await dawdle();
      if (isLast(event)) return round.end(completed(id));
    }
    return round.end(caughtUp(round.tail));
  },
});

/** Reads nothing before its child has completed. */
export const awaiting: RepoActivity = defineProcessor(repo, {
  name: "await-child",
  async processEvents(run, stream) {
    const round = begin("await-child", run);
    const status = await run.start(completing, run.address, { wake: true });
    if (status !== "completed") return round.end(caughtUp(round.tail));
    for await (const { id } of stream) round.saw(id);
    return round.end(caughtUp(round.tail));
  },
});

/** Level 2. */
export const folding = (name: string, paddingBytes: number): RepoActivity =>
  defineActivity(repo, {
    name,
    view: { version: 1, initial: (): Fold => emptyFold(paddingBytes) },
    apply(fold: Fold, { id }): void {
      record({ type: "apply", activity: name, id, after: fold.last });
      foldIn(fold, id);
    },
    async act({ last, count, digest }, run) {
      record({ type: "act", task: `repo/${name}@${run.address.repoId}`, fence: run.fence, last, count, digest });
      await dawdle();
      return caughtUp();
    },
  });
