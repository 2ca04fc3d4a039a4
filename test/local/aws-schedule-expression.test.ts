import { expect, test } from "vitest";
import { parseScheduleExpression } from "../../local/aws/schedule-expression.ts";

const at = (text: string) => Date.parse(text);

/** The next due times after a moment. */
function dueTimes(expression: string, after: string, count: number, timeZone?: string): string[] {
  const parsed = parseScheduleExpression(expression, timeZone);
  const times: string[] = [];
  let last = at(after);
  while (times.length < count) {
    const next = parsed.next(last, at(after));
    if (next === undefined) break;
    times.push(new Date(next).toISOString().replace(":00.000Z", "Z"));
    last = next;
  }
  return times;
}

test.each([
  ["cron(*/20 * * * ? *)", ["2026-01-01T00:20Z", "2026-01-01T00:40Z", "2026-01-01T01:00Z"]],
  ["cron(15 10 ? * MON-FRI *)", ["2026-01-01T10:15Z", "2026-01-02T10:15Z", "2026-01-05T10:15Z"]],
  ["cron(0 8 1 * ? *)", ["2026-01-01T08:00Z", "2026-02-01T08:00Z", "2026-03-01T08:00Z"]],
  ["cron(0 0 L * ? *)", ["2026-01-31T00:00Z", "2026-02-28T00:00Z", "2026-03-31T00:00Z"]],
  ["cron(0 0 31W * ? *)", ["2026-01-30T00:00Z", "2026-03-31T00:00Z", "2026-05-29T00:00Z"]],
  ["cron(0 0 1W * ? *)", ["2026-02-02T00:00Z", "2026-03-02T00:00Z", "2026-04-01T00:00Z"]],
  ["cron(0 0 ? * 6#1 *)", ["2026-01-02T00:00Z", "2026-02-06T00:00Z", "2026-03-06T00:00Z"]],
  ["cron(0 0 ? * FRIL *)", ["2026-01-30T00:00Z", "2026-02-27T00:00Z", "2026-03-27T00:00Z"]],
  ["cron(0 12 ? * L *)", ["2026-01-03T12:00Z", "2026-01-10T12:00Z"]],
  ["cron(5,10 0 1 JAN,jun ? 2026)", ["2026-01-01T00:05Z", "2026-01-01T00:10Z", "2026-06-01T00:05Z"]],
  ["cron(0 0 29 2 ? *)", ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]],
])("%s is due at the right times", (expression, times) => {
  expect(dueTimes(expression, "2026-01-01T00:00:00Z", times.length)).toEqual(times);
});

test("a cron expression ends with its last year", () => {
  expect(dueTimes("cron(0 0 1 1 ? 2026-2027)", "2025-06-01T00:00:00Z", 5)).toHaveLength(2);
});

test("cron follows the clocks of its time zone", () => {
  expect(dueTimes("cron(0 9 * * ? *)", "2026-03-28T12:00:00Z", 1, "Europe/Berlin")).toEqual(["2026-03-29T07:00Z"]);
  expect(dueTimes("cron(0 9 * * ? *)", "2026-03-27T12:00:00Z", 1, "Europe/Berlin")).toEqual(["2026-03-28T08:00Z"]);
});

test("cron skips times that the clocks skip, and runs once at times that they show twice", () => {
  const times = dueTimes("cron(30 2 * * ? *)", "2026-03-27T12:00:00Z", 3, "Europe/Berlin");
  expect(times).toEqual(["2026-03-28T01:30Z", "2026-03-30T00:30Z", "2026-03-31T00:30Z"]);
  const autumn = dueTimes("cron(30 2 * * ? *)", "2026-10-24T12:00:00Z", 2, "Europe/Berlin");
  expect(autumn).toEqual(["2026-10-25T00:30Z", "2026-10-26T01:30Z"]);
});

test("rates count from their anchor, which is due itself", () => {
  const anchor = at("2026-01-01T00:00:30Z");
  const rate = parseScheduleExpression("rate(5 minutes)");
  expect(rate.next(anchor - 1, anchor)).toBe(anchor);
  expect(rate.next(anchor, anchor)).toBe(anchor + 300_000);
  expect(rate.next(anchor + 300_001, anchor)).toBe(anchor + 600_000);
  expect(parseScheduleExpression("rate(1 day)").next(anchor, anchor)).toBe(anchor + 86_400_000);
});

test("at is due once, in its time zone", () => {
  const expression = parseScheduleExpression("at(2026-07-01T12:00:00)", "America/New_York");
  expect(expression.next(0, 0)).toBe(at("2026-07-01T16:00:00Z"));
  expect(expression.next(at("2026-07-01T16:00:00Z"), 0)).toBeUndefined();
});

test.each([
  ["at(2026-02-30T00:00:00)"],
  ["at(2026-01-01 00:00:00)"],
  ["at(2026-01-01T00:00)"],
  ["at(2026-01-01T24:00:00)"],
  ["rate(0 minutes)"],
  ["rate(1.5 hours)"],
  ["rate(5 seconds)"],
  ["every(5 minutes)"],
  ["cron(* * * * *)"],
  ["cron(* * * * * *)"],
  ["cron(* * ? * ? *)"],
  ["cron(60 * * * ? *)"],
  ["cron(5-1 * * * ? *)"],
  ["cron(*/0 * * * ? *)"],
  ["cron(0 0 ? * FOO *)"],
])("refuses %s", (expression) => {
  expect(() => parseScheduleExpression(expression)).toThrow(expect.objectContaining({ code: "ValidationException" }));
});

test("refuses unknown time zones and times that the clocks skip", () => {
  expect(() => parseScheduleExpression("rate(1 hour)", "Mars/Olympus")).toThrow("Mars/Olympus");
  expect(() => parseScheduleExpression("at(2026-03-29T02:30:00)", "Europe/Berlin")).toThrow("skip that time");
});
