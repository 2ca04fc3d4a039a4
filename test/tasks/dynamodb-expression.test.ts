import { describe, expect, it } from "vitest";
import { toExpressions } from "../../functions/tasks/dynamodb-expression.ts";
import { all, any, appliedAgain, atMost, type Guard, is, missing, oneOf } from "../../functions/tasks/update.ts";

const conditionOf = (guard: Guard) =>
  toExpressions(
    { entity: "e", kind: "k", activity: "a" },
    { operation: "mark ready", guard, changes: {}, appliedIf: appliedAgain },
  ).ConditionExpression;

describe("a condition in DynamoDB's expression language", () => {
  it("has no parentheses around comparisons, nor around conjunctions", () => {
    expect(conditionOf(all(missing("paused"), all(is("status", "ready"), atMost("due", 1))))).toBe(
      "attribute_not_exists(#v) AND attribute_not_exists(#paused) AND #status = :v0 AND #due <= :v1",
    );
  });

  it("has them around alternatives in a conjunction, since AND binds tighter than OR", () => {
    const guard = all(missing("paused"), any(is("status", "ready"), all(is("status", "sleeping"), atMost("due", 1))));
    expect(conditionOf(guard)).toBe(
      "attribute_not_exists(#v) AND attribute_not_exists(#paused) AND (#status = :v0 OR #status = :v1 AND #due <= :v2)",
    );
  });

  it("joins alternatives to the question after the record's version", () => {
    expect(conditionOf(any(oneOf("status", ["ready"]), missing("due")))).toBe(
      "attribute_not_exists(#v) AND (#status IN (:v0) OR attribute_not_exists(#due))",
    );
  });
});
