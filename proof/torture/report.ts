import type { TortureResult } from "./torture.ts";

/** Of many alike the first tell the story. */
const violationsShown = 10;
/** The latest lines of a task's history. */
const linesShown = 40;

/** What a torture found, for people. */
export function inWords(result: TortureResult): string {
  const { kills, killsPerSecond, runs, tasks, events, handedOut, lostLeases, failures, settledAfterSeconds } = result;
  const { violations } = result;
  const sum = Object.values(kills).reduce((a, b) => a + b, 0);
  const kinds = Object.entries(kills).map(([kind, times]) => `${kind} ${times}`);
  const lines = [
    `${sum} kills (${killsPerSecond.toFixed(1)} a second): ${kinds.join(", ")}`,
    `${runs} runs of ${tasks} tasks; ${events} events, handed out ${handedOut} times; ${lostLeases} runs lost their lease`,
    `${failures} invocations or messages failed for good outside the table`,
    `every task was at the head of its stream ${settledAfterSeconds.toFixed(1)} s after the last fault`,
    `${violations.length} violations`,
  ];
  for (const { promise, task, what, history } of violations.slice(0, violationsShown)) {
    lines.push("", `${promise} ${task}: ${what}`, ...history.slice(-linesShown).map((line) => `    ${line}`));
  }
  if (violations.length > violationsShown) lines.push("", `… and ${violations.length - violationsShown} more`);
  if (result.folder !== undefined) lines.push("", `everything that was written down is in ${result.folder}`);
  return `${lines.join("\n")}\n`;
}
