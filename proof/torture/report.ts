import type { TortureResult } from "./torture.ts";

/** Maximum number of violations shown. */
const maxViolationsShown = 10;
/** Maximum number of latest lines shown of a task's history. */
const maxLinesShown = 40;

/** The result of a torture as text. */
export function formatResult(result: TortureResult): string {
  const { kills, killsPerSecond, runs, tasks, events, handedOut, lostLeases, failures, settledAfterSeconds } = result;
  const { violations } = result;
  const sum = Object.values(kills).reduce((a, b) => a + b, 0);
  const kinds = Object.entries(kills).map(([kind, times]) => `${kind} ${times}`);
  const lines = [
    `${sum} kills (${killsPerSecond.toFixed(1)} per second): ${kinds.join(", ")}`,
    `${runs} runs of ${tasks} tasks; ${events} events, handed out ${handedOut} times; ${lostLeases} runs lost their lease`,
    `${failures} invocations or messages failed permanently outside the table`,
    `every task was at the head of its stream ${settledAfterSeconds.toFixed(1)} s after the last fault`,
    `${violations.length} violations`,
  ];
  for (const { promise, task, what, history } of violations.slice(0, maxViolationsShown)) {
    lines.push("", `${promise} ${task}: ${what}`, ...history.slice(-maxLinesShown).map((line) => `    ${line}`));
  }
  if (violations.length > maxViolationsShown) lines.push("", `… and ${violations.length - maxViolationsShown} more`);
  if (result.folder !== undefined) lines.push("", `all recordings and logs are in ${result.folder}`);
  return `${lines.join("\n")}\n`;
}
