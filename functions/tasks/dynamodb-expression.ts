import type { AttributeValue, UpdateItemCommandInput } from "@aws-sdk/client-dynamodb";
import { dueIndex, duePartitionOf, encodeValue, storedName, tableKeys } from "./dynamodb-codec.ts";
import type { Attribute, TaskKey } from "./record.ts";
import { versionAttribute } from "./record-version.ts";
import { type Guard, remove, type Update } from "./update.ts";

type Expressions = Pick<
  UpdateItemCommandInput,
  "ConditionExpression" | "UpdateExpression" | "ExpressionAttributeNames" | "ExpressionAttributeValues"
>;

/** Translates an update into DynamoDB's expression language, with a placeholder for every name and value. */
export function toExpressions(key: TaskKey, update: Update): Expressions {
  const names = new Map<string, string>();
  const values = new Map<string, AttributeValue>();
  const name = (attribute: string) => {
    names.set(`#${attribute}`, attribute);
    return `#${attribute}`;
  };
  const attributeName = (attribute: Attribute) => name(storedName(attribute));
  const value = (given: unknown) => {
    const placeholder = `:v${values.size}`;
    values.set(placeholder, encodeValue(given));
    return placeholder;
  };

  const notExists = (attribute: string) => `attribute_not_exists(${name(attribute)})`;
  const condition = (guard: Guard): string => {
    switch (guard.op) {
      case "absent":
        return notExists(tableKeys.partition);
      case "missing":
        return notExists(storedName(guard.attribute));
      case "is":
        return `${attributeName(guard.attribute)} = ${value(guard.value)}`;
      case "oneOf":
        return `${attributeName(guard.attribute)} IN (${guard.values.map(value).join(", ")})`;
      case "atMost":
        return `${attributeName(guard.attribute)} <= ${value(guard.value)}`;
      case "atLeast":
        return `${attributeName(guard.attribute)} >= ${value(guard.value)}`;
      case "all":
        return guard.guards.map(term).join(" AND ");
      case "any":
        return guard.guards.map(condition).join(" OR ");
    }
  };
  // AND binds tighter than OR, so only alternatives need parentheses; some parsers are exponential in their depth.
  const term = (guard: Guard) => (guard.op === "any" ? `(${condition(guard)})` : condition(guard));

  const sets: string[] = [];
  const removes: string[] = [];
  for (const [attribute, change] of Object.entries(update.changes) as [Attribute, unknown][]) {
    if (change === remove) removes.push(attributeName(attribute));
    else sets.push(`${attributeName(attribute)} = ${value(change)}`);
  }
  // The index is sparse: an item has both of its keys or neither. So they change together, with `due`.
  if ("due" in update.changes) {
    if (update.changes.due === remove) removes.push(name(dueIndex.partition));
    else sets.push(`${name(dueIndex.partition)} = ${value(duePartitionOf(key))}`);
  }
  // A record of an older version may lack the counter, so SET has a default.
  for (const counter of update.increment ?? []) {
    const counted = attributeName(counter);
    sets.push(`${counted} = if_not_exists(${counted}, ${value(0)}) + ${value(1)}`);
  }

  const clauses = [
    sets.length > 0 ? `SET ${sets.join(", ")}` : "",
    removes.length > 0 ? `REMOVE ${removes.join(", ")}` : "",
  ];
  return {
    // A later version's item must not change, even by a write that has not read it.
    ConditionExpression: `${notExists(versionAttribute)} AND ${term(update.guard)}`,
    UpdateExpression: clauses.filter(Boolean).join(" "),
    ExpressionAttributeNames: Object.fromEntries(names),
    ...(values.size > 0 ? { ExpressionAttributeValues: Object.fromEntries(values) } : {}),
  };
}
