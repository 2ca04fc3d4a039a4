const onlyWhileRunning = "a token is there only while its task runs, and the token is asked for";

/**
 * Mutants that no promise forbids, by name, with the reason. They are simulated too: one that breaks a promise does not
 * belong here.
 */
export const equivalent: Readonly<Record<string, string>> = {
  "acquire from an earlier leader: not asked for: is status running": onlyWhileRunning,
  "acquire over a dead lease: not asked for: is status running": onlyWhileRunning,
  "quarantine: not asked for: is status running": onlyWhileRunning,
  "check a running task: not asked for: is status running": onlyWhileRunning,
  "signal to a running task: not asked for: is status running": onlyWhileRunning,
  "child to a running task: not asked for: is status running": onlyWhileRunning,
  "rule 14: an activity does not act on a timer":
    "a timer follows an act that did not end caughtUp, which is news by itself",
  "notified: not asked for: is status completed": "only a completed task is told of, and it stays completed",
};
