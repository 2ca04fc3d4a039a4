import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventId } from "../../functions/contract/tail.ts";
import type { Binding } from "../../functions/engines/binding.ts";
import type { ChildWait } from "../../functions/engines/engine.ts";
import type { Limits } from "../../functions/engines/ports.ts";
import { rulesOf } from "../../functions/engines/rules.ts";
import { appSettings, readSettings } from "../../functions/settings.ts";
import { strikeDelayMs } from "../../functions/tasks/backoff.ts";
import type { EngineName, RecordStatus, StoredError, TaskRecord } from "../../functions/tasks/record.ts";
import { clockSkewMs, graceMs } from "../../functions/tasks/times.ts";
import * as transitions from "../../functions/tasks/transitions.ts";
import { type Operation, remove, type Update } from "../../functions/tasks/update.ts";
import { operations } from "../../functions/testing/simulation/specification.ts";
import { acquireRuleOf, type WakeClass } from "../../functions/wake/wake.ts";
import { project } from "../docs/regions.ts";
import { namesOnPage, rows, shorthands } from "./design-page.ts";
import { type Case, conditionOf, sentencesOf, termOf, timeOf, wordsOfLabels, writesIn, writesOf } from "./notation.ts";

// ── the arguments of the samples ─────────────────────────────────────────────────────────────────

const minute = 60_000;
const now = Date.UTC(2026, 0, 1);
const startedAt = now - 17 * minute;
/** The slot after `now` of a cron task that runs every five minutes. */
const slot = startedAt + 20 * minute;
const until = now + 1_234_567;
const limits = { probePeriodMs: 15 * minute } as Limits;
const limit = 7;
const eagerBucket = "eager#05";
const intervention = { action: "pause", reason: "a test", by: "someone", at: now };
const failure: StoredError = { message: "no route", at: now, afterEvent: eventId("e3") };

/** Each call of a transition is one sample; what was never called is missing in the table of samples. */
const called = new Set<string>();
const step = new Proxy(transitions, {
  get(target, name: keyof typeof transitions) {
    called.add(name);
    return target[name];
  },
});

/** A sample of an operation: what a transition returns for arguments that the case describes. */
interface Sample extends Partial<Case> {
  readonly update: Update;
}

const engines: readonly EngineName[] = ["lazy", "cron", "eager"];
const classes: readonly WakeClass[] = [
  ...(["start", "signal", "child", "operator"] as const),
  ...(["probe", "timer", "handOver", "rescue"] as const),
];

const claim = (engine: EngineName, inQuarantine = false): transitions.Claim => ({
  token: "of the new run",
  leaseUntil: now + 2 * minute,
  engine,
  eagerBucket: engine === "eager" ? eagerBucket : undefined,
  inQuarantine,
  now,
});

const seenRun = { token: "of the run", step: 4, wakeCount: 5 } as const;

const nothingNew: transitions.Progress = {
  tail: eventId("e3"),
  view: { type: "unchanged" },
  acted: "unchanged",
  actedAhead: false,
  tailSeenAt: "unchanged",
};
const allNew: transitions.Progress = {
  tail: eventId("e4"),
  view: { type: "inline", json: "{}", version: 3 },
  acted: eventId("e2"),
  actedAhead: true,
  tailSeenAt: now - minute,
  runs: "the last runs",
};
const progresses: readonly transitions.Progress[] = [
  nothingNew,
  allNew,
  { ...allNew, view: { type: "item", name: "7.1", version: 3 }, acted: "again", actedAhead: false },
  { ...allNew, view: { type: "none" } },
];

/** The writes of a run, one for each way in which it may have got further. */
const ofRun = (sample: Partial<Case>, write: (progress: transitions.Progress) => Update): Sample[] =>
  progresses.map((progress) => ({ seen: seenRun, ...sample, update: write(progress) }));

/** The writes of a run that failed or was stopped, after it had called its activity or before. */
const ofEnd = (sample: Partial<Case>, write: (progress: transitions.Progress) => Update): Sample[] => [
  ...ofRun(sample, write),
  {
    seen: seenRun,
    ...sample,
    labels: [...(sample.labels ?? []), "asks again"],
    update: write({ ...allNew, asksAgain: true }),
  },
];

const failedOrNot = (write: (progress: transitions.Progress, error: StoredError | undefined) => Update): Sample[] => [
  ...ofEnd({}, (progress) => write(progress, undefined)),
  ...ofEnd({ labels: ["failed"] }, (progress) => write(progress, failure)),
];

function caughtUp(engine: EngineName, dueInMs: number, wait: ChildWait): Sample[] {
  const awaiting = wait !== "none";
  const due = now + dueInMs;
  const record = { due, startedAt } as TaskRecord;
  const left = rulesOf(engine).sleep(record, { everyMinutes: 5 } as Binding, now, limits, wait);
  return ofRun(
    {
      labels: [engine, ...(awaiting ? ["awaiting", wait] : [])],
      seen: { ...seenRun, due },
      names: { same: due, notBefore: slot },
    },
    (progress) => step.sleep("of the run", progress, { seenWakeCount: 5, awaiting, ...left }),
  );
}

const acquired = (inQuarantine: boolean, signalsCutWaits: boolean): Sample[] =>
  engines.flatMap((engine) =>
    classes.map((wakeClass): Sample => {
      const wake = { class: wakeClass, key: { entity: "e", kind: "k", activity: "a" }, fence: 9 };
      const rule = acquireRuleOf(wake, signalsCutWaits);
      const isEarly = wakeClass === "operator" || (signalsCutWaits && wakeClass === "signal");
      const labels = [engine, wakeClass, ...(inQuarantine ? ["in quarantine"] : []), ...(isEarly ? ["early"] : [])];
      return { labels, seen: { fence: 9 }, update: step.acquire(claim(engine, inQuarantine), rule) };
    }),
  );

const rescueOf = (labels: string[], record: Partial<TaskRecord>): Sample => ({
  labels,
  seen: { due: 77 },
  names: { rescues: record.rescues },
  update: step.rescue(record as TaskRecord, 77, now),
});

function checkOfLease(strikes: number): Sample {
  const record = { token: "seen", leaseUntil: now + minute, strikes } as TaskRecord;
  return {
    seen: { due: 77, token: "seen" },
    names: { leaseUntil: record.leaseUntil, delay: strikeDelayMs(strikes) },
    update: step.checkLease(record, 77, now + limits.probePeriodMs),
  };
}

function resumed(labels: string[], notBefore: number | undefined, bucket?: string): Sample {
  const seen = notBefore === undefined ? {} : { notBefore };
  const status = labels.includes("waits") ? "retrying" : "sleeping";
  const update = step.resume(
    { ...seen, status } as TaskRecord,
    now,
    bucket,
    bucket === undefined ? undefined : intervention,
  );
  return { labels, seen, names: { notBefore: notBefore ?? 0 }, update };
}

const samples: { readonly [O in Operation]: readonly Sample[] } = {
  start: engines.map((engine) => ({
    labels: [engine],
    update: step.start({ id: "1" }, engine, now, engine === "eager" ? eagerBucket : undefined),
  })),
  acquire: [
    ...acquired(false, false),
    ...acquired(false, true), // signalsCutWaits
    ...acquired(true, false),
  ],
  "acquire over a dead lease": [0, 1, 2, 5].map((strikes) => ({
    seen: { token: "seen" },
    names: { delay: strikeDelayMs(strikes) },
    update: step.acquireExpired(claim(strikes > 1 ? "eager" : "lazy"), "seen", strikes),
  })),
  "acquire from an earlier leader": [true, false].map((leftInOrder) => ({
    labels: leftInOrder ? ["released"] : [],
    seen: { token: "seen" },
    update: step.acquireFromEarlierLeader(claim("eager"), "seen", leftInOrder),
  })),
  "acquire a lease given back": (["lazy", "eager"] as const).map((engine) => ({
    seen: { token: "seen" },
    update: step.acquireGivenBack(claim(engine), "seen"),
  })),
  quarantine: [{ seen: { token: "seen" }, update: step.quarantine("seen", now) }],
  "signal to a running task": [{ seen: { token: "seen" }, update: step.recordSignal("seen") }],
  "act asked": [{ update: step.askToAct() }],
  "mark ready": [{ update: step.markReady(now, false) }, { labels: ["operator"], update: step.markReady(now, true) }],
  checkpoint: ofRun({}, (progress) => step.checkpoint(seenRun, progress)),
  caughtUp: engines.flatMap((engine) => [
    ...(["none", "asked", "kept"] as const).flatMap((wait) => [
      ...caughtUp(engine, minute, wait),
      ...caughtUp(engine, 100 * minute, wait),
    ]),
  ]),
  "caughtUp, wakes moved": ofRun({}, (progress) => step.rerun(seenRun, progress)),
  "caughtUp, watching": ofRun({}, (progress) => step.keepWatching(seenRun, progress, 5)),
  "canceled, tail advanced": ofEnd({}, (progress) => step.handOver("of the run", progress, now)),
  retry: failedOrNot((progress, error) => step.retryAt("of the run", progress, 3, until, error)),
  "attempt limit reached": failedOrNot((progress, error) => step.park("of the run", progress, 3, error)),
  silentRetryAfter: [
    ...ofRun({}, (progress) => step.waitUntil("of the run", progress, until, false)),
    ...ofRun({ labels: ["awaiting"] }, (progress) => step.waitUntil("of the run", progress, until, true)),
  ],
  "completed, no waiters": [undefined, "the last runs"].map((runs) => ({
    seen: seenRun,
    update: step.complete("of the run", eventId("e4"), runs),
  })),
  "completed, waiters": [undefined, "the last runs"].map((runs) => ({
    seen: seenRun,
    update: step.completeForWaiters("of the run", eventId("e4"), now, runs),
  })),
  "add waiter": [{ update: step.addWaiter() }],
  "mark a waiter": [
    { update: step.markWaiter(now, false) },
    { labels: ["signalsCutWaits"], update: step.markWaiter(now, true) },
  ],
  "child completed": [{ update: step.childCompleted() }],
  notified: [{ update: step.notified() }],
  rescue: [
    rescueOf(["lazy"], { rescues: 0 }),
    rescueOf(["cron"], { rescues: 3 }),
    rescueOf(["eager"], { rescues: 30 }),
    rescueOf(["completed"], { rescues: 1 }),
    rescueOf(["paused"], { rescues: 1, paused: true }),
  ],
  "check a sleeping task": [
    { labels: ["news"], seen: { due: 77 }, update: step.checkSleeping(77, now + limits.probePeriodMs) },
  ],
  "recheck a waiting task": [{ seen: { due: 77 }, update: step.recheck(77, now) }],
  "check a running task": [0, 1, 2, 5].map(checkOfLease),
  postpone: [{ seen: { due: 77 }, update: step.postpone(77, until) }],
  "bring forward": [{ seen: { due: 77 }, update: step.bringForward(77, until) }],
  "move the slot": [{ seen: { due: 77 }, names: { notBefore: slot }, update: step.moveSlot(77, slot) }],
  adopt: [{ seen: { due: 77 }, update: step.adopt(eagerBucket, 77, until) }],
  "park on strikes": [{ update: step.parkOnStrikes(limit, now, eventId("e3")) }],
  pause: [{ labels: ["runs"], update: step.pause(true, intervention) }, { update: step.pause(false) }],
  resume: [
    resumed([], undefined),
    resumed([], now - minute, eagerBucket),
    resumed([], now + 77 * minute),
    resumed(["waits"], now + 77 * minute, eagerBucket),
  ],
  "resume while running": [
    { update: step.resumeRunning(now) },
    { update: step.resumeRunning(now, eagerBucket, intervention) },
  ],
  rewind: [
    { update: step.rewind(eventId("e1"), now) },
    { update: step.rewind(eventId("e1"), now, eagerBucket, intervention) },
  ],
};

const names = { now, token: "of the run", G: graceMs, S: clockSkewMs, P: limits.probePeriodMs, limit, until };

const caseOf = ({ labels = [], seen = {}, names: own = {} }: Sample): Case => ({
  labels,
  seen,
  names: { ...names, notBefore: until, ...own },
});

const rowOf = (operation: Operation) =>
  rows.find((row) => row.operation === operation) ?? expect.fail(`no row for ${operation}`);

// ── the comparison ───────────────────────────────────────────────────────────────────────────────

describe("the table of operations in docs/design.md", () => {
  it("has a row for each operation, in the order of the code, and no other", () => {
    const source = readFileSync(join(project, "functions/tasks/update.ts"), "utf8");
    const [, union = ""] = /^export type Operation =\n(.*?);$/ms.exec(source) ?? [];
    const inCode = [...union.matchAll(/"([^"]+)"/g)].map(([, name]) => name);
    expect(rows.map(({ operation }) => operation)).toEqual(inCode);
    expect([...operations].sort()).toEqual([...inCode].sort());
  });

  it("is compared with each transition that the code has", () => {
    const makers = Object.entries(transitions).filter(([, value]) => typeof value === "function");
    expect([...called].sort()).toEqual(
      makers
        .map(([name]) => name)
        .filter((name) => name !== "storedError") // makes a value, not a write
        .sort(),
    );
  });

  it("uses the constants of the code", () => {
    const { TAILWAKE_PROBE_MINUTES: probeMinutes } = readSettings(
      {},
      { TAILWAKE_PROBE_MINUTES: appSettings.TAILWAKE_PROBE_MINUTES },
    );
    const said = (name: string) => timeOf(/^\d+ \w+/.exec(namesOnPage.get(name) ?? "")?.[0] ?? "", {});
    expect([said("G"), said("S"), said("P")]).toEqual([graceMs, clockSkewMs, probeMinutes * minute]);
  });

  describe.each(operations)("%s", (operation) => {
    const row = rowOf(operation);
    const cases = samples[operation].map((sample) => ({ sample, given: caseOf(sample) }));

    it("is the name of what its transitions return", () => {
      for (const { sample } of cases) expect(sample.update.operation).toBe(operation);
    });

    it("says words in parentheses that are those of a sample", () => {
      const known = cases.flatMap(({ given }) => given.labels);
      const words = [row.condition, row.writes, row.next, row.due].flatMap(wordsOfLabels);
      expect(words.filter((word) => !known.includes(word))).toEqual([]);
    });

    it("has the condition of the write", () => {
      for (const { sample, given } of cases) {
        const onPage = sentencesOf(conditionOf(row.condition, shorthands, given));
        expect(onPage, `for "${given.labels}"`).toEqual(sentencesOf(sample.update.guard));
      }
    });

    it("has what is written", () => {
      const written = new Map<string, unknown[]>();
      for (const { sample, given } of cases) {
        const onPage = writesOf(row.writes, shorthands, given);
        const actual = writesIn(sample.update, remove);
        const toCompare = (writes: typeof actual) => {
          const fixed = [...writes].filter(([attribute]) => onPage.get(attribute)?.how !== "given");
          return Object.fromEntries(fixed.sort(([a], [b]) => a.localeCompare(b)));
        };
        expect(toCompare(actual), `for "${given.labels}"`).toEqual(toCompare(onPage));
        for (const [attribute, { how }] of onPage) {
          const writing = actual.get(attribute);
          if (how === "given") {
            const values = written.get(attribute) ?? [];
            written.set(attribute, writing?.how === "set" ? [...values, writing.value] : values);
          }
        }
      }
      // A given attribute is one that the caller has a value for: a constant has to be named.
      const given = [...written];
      expect(given.filter(([, values]) => values.length === 0)).toEqual([]);
      expect(given.filter(([, values]) => values.every((value) => value === 0 || value === "epoch"))).toEqual([]);
    });

    it("has the next status", () => {
      for (const { sample, given } of cases) {
        const next = termOf(row.next, given.labels);
        expect(sample.update.changes.status, `for "${given.labels}"`).toBe(
          next === "same" ? undefined : (next as RecordStatus),
        );
      }
    });

    it("has the due time", () => {
      for (const { sample, given } of cases) {
        const { due } = sample.update.changes;
        const onPage = termOf(row.due, given.labels);
        if (onPage === "∅") expect(due, `for "${given.labels}"`).toBe(remove);
        else if (onPage === "same") expect(due, `for "${given.labels}"`).toBeUndefined();
        else {
          const at = timeOf(onPage, given.names);
          // A due time that stays is not written: it would move a key of the index.
          expect(due, `for "${given.labels}"`).toBe(at === given.names.same ? undefined : at);
        }
      }
    });
  });
});
