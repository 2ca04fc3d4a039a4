import type { ConditionName } from "../mutations.ts";

const onlyWhileRunning = "a token is there only while its task runs, and the token is asked for";

/** Conditions that no promise needs, by name, with the reason. */
const conditions: { readonly [N in ConditionName]?: string } = {
  "acquire from an earlier leader: not asked for: is status running": onlyWhileRunning,
  "acquire over a dead lease: not asked for: is status running": onlyWhileRunning,
  "quarantine: not asked for: is status running": onlyWhileRunning,
  "check a running task: not asked for: is status running": onlyWhileRunning,
  "signal to a running task: not asked for: is status running": onlyWhileRunning,
  "notified: not asked for: is status completed": "only a completed task is told of, and it stays completed",
};
export const equivalentConditions = Object.keys(conditions);

/** Rules that another rule has, too. */
const rules: Readonly<Record<string, string>> = {
  "rule 14: an activity does not act on a timer":
    "a timer follows an act that did not end caughtUp, which is news by itself",
};
export const equivalentRules = Object.keys(rules);

const reasons = new Map<string, string | undefined>(Object.entries({ ...conditions, ...rules }));

/**
 * Why no promise forbids a mutant, by its name; undefined for all others. Such a mutant is simulated too: one that breaks a
 * promise does not belong here.
 */
export const whyEquivalent = (name: string): string | undefined => reasons.get(name);
