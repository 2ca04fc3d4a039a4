import { describe, expect, it } from "vitest";
import { describeError, describeValue } from "../../functions/contract/error.ts";

describe("a received value in an error message", () => {
  it("has a bound, whatever its text or its keys are", () => {
    const long = "k".repeat(50_000);
    for (const value of [long, { [long]: 1 }, () => long, Symbol(long)]) {
      expect(describeValue(value).length).toBeLessThan(200);
    }
  });

  it("is one line, though a key has several", () => {
    expect(describeValue({ "a\nb": 1, c: 2 })).toBe("an object with a b, c");
  });
});

describe("an error in a line of the log", () => {
  it("has its causes, and a bound, whatever the other side said", () => {
    expect(describeError(new Error("outer", { cause: new Error("inner") }))).toBe("outer: inner");
    expect(describeError(new Error("x".repeat(1_000_000))).length).toBe(4_001);
  });
});
