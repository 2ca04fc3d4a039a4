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
import { beginPass, type RecordedPass } from "./recorded-pass.ts";
import { record } from "./recorder.ts";

/* The activities of a torture: they record everything they are handed, and end with each outcome of the error contract. */

/** "skip-events": an activity sometimes skips an event, so that a test sees a torture fail. */
const broken = process.env.TORTURE_BROKEN;
/** This file exists once faults have stopped; an error of an activity is a fault. */
const calmFile = process.env.TORTURE_CALM_FILE ?? "";
const chance = (share: number) => Math.random() < share;
/** Delays an activity, so that kills hit active runs. */
const randomDelay = () => sleep(Math.random() * 15);

const begin = (name: string, run: Run<typeof repo>): RecordedPass => beginPass(name, "repo", run.address.repoId, run);

export const reading = (name: string): RepoActivity =>
  defineProcessor(repo, {
    name,
    async processEvents(run, stream) {
      const pass = begin(name, run);
      let { tail } = pass;
      for await (const { id } of stream) {
        if (!(broken === "skip-events" && chance(0.1))) pass.saw(id);
        tail = id;
        await randomDelay();
      }
      return pass.end(caughtUp(tail));
    },
  });

/** Checkpoints after about every other event. */
export const checkpointing = (name: string): RepoActivity =>
  defineProcessor(repo, {
    name,
    async processEvents(run, stream) {
      const pass = begin(name, run);
      for await (const { id } of stream) {
        pass.saw(id);
        await randomDelay();
        if (!chance(0.5)) continue;
        await run.checkpoint(id);
        pass.checkpointed();
      }
      return pass.end(caughtUp(pass.tail));
    },
  });

export const throwing = (name: string): RepoActivity =>
  defineProcessor(repo, {
    name,
    async processEvents(run, stream) {
      const pass = begin(name, run);
      for await (const { id } of stream) {
        pass.saw(id);
        if (chance(0.03) && !existsSync(calmFile)) throw new Error("thrown at random");
        run.advance(id);
      }
      return pass.end(caughtUp(pass.tail));
    },
  });

/** Sometimes asks to be run later. */
export const waiting = (name: string): RepoActivity =>
  defineProcessor(repo, {
    name,
    async processEvents(run, stream) {
      const pass = begin(name, run);
      for await (const { id } of stream) pass.saw(id);
      const { tail } = pass;
      return pass.end(chance(0.3) ? silentRetryAfter(tail, new Date(run.now().getTime() + 30_000)) : caughtUp(tail));
    },
  });

const isLast = (event: RepoEvent) => event.type === "errorSet" && Number(event.message) >= completingEvent;

export const completing: RepoActivity = defineProcessor(repo, {
  name: "complete",
  async processEvents(run, stream) {
    const pass = begin("complete", run);
    for await (const { id, event } of stream) {
      pass.saw(id);
      await randomDelay();
      if (isLast(event)) return pass.end(completed(id));
    }
    return pass.end(caughtUp(pass.tail));
  },
});

/** Reads nothing until its child has completed. */
export const awaiting: RepoActivity = defineProcessor(repo, {
  name: "await-child",
  async processEvents(run, stream) {
    const pass = begin("await-child", run);
    const status = await run.start(completing, run.address, { wake: true });
    if (status !== "completed") return pass.end(caughtUp(pass.tail));
    for await (const { id } of stream) pass.saw(id);
    return pass.end(caughtUp(pass.tail));
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
      await randomDelay();
      return caughtUp();
    },
  });
