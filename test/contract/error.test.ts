import { describe, expect, it } from "vitest";
import { describeValue } from "../../functions/contract/error.ts";

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
