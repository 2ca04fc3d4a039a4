import { isJsonObject } from "./request-fields.ts";

/** Matches the scalar values found under one field of the event; the list is empty when the field is absent. */
export type ValueMatcher = (leaves: readonly unknown[]) => boolean;

type LeafTest = (leaf: unknown) => boolean;

const comparisons: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  "=": (left, right) => left === right,
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
};

/** The matcher for one element of a field's list in an event pattern. Throws an Error that says what is wrong. */
export function matcherFor(element: unknown): ValueMatcher {
  if (!isJsonObject(element)) return anyLeaf(equalTo(scalar(element, "a value")));
  const entries = Object.entries(element);
  const [entry] = entries;
  if (entries.length !== 1 || !entry) {
    throw new Error(`must have one operator per object, but one has ${entries.length}`);
  }
  const [operator, operand] = entry;
  switch (operator) {
    case "exists":
      if (typeof operand !== "boolean") throw new Error("exists must be true or false");
      return (leaves) => leaves.length > 0 === operand;
    case "numeric":
      return anyLeaf(numericTest(operand));
    case "anything-but":
      return anyLeaf(anythingBut(operand));
    default:
      return anyLeaf(textTest(operator, operand));
  }
}

function anyLeaf(test: LeafTest): ValueMatcher {
  return (leaves) => leaves.some(test);
}

function equalTo(value: unknown): LeafTest {
  return (leaf) => leaf === value;
}

function textTest(operator: string, operand: unknown): LeafTest {
  switch (operator) {
    case "prefix":
      return affixTest(operator, operand, (leaf, affix) => leaf.startsWith(affix));
    case "suffix":
      return affixTest(operator, operand, (leaf, affix) => leaf.endsWith(affix));
    case "equals-ignore-case": {
      const wanted = text(operand, operator).toLowerCase();
      return (leaf) => typeof leaf === "string" && leaf.toLowerCase() === wanted;
    }
    default:
      throw new Error(
        `has the operator ${operator}; supported: prefix, suffix, equals-ignore-case, anything-but, numeric, exists`,
      );
  }
}

function affixTest(operator: string, operand: unknown, holds: (leaf: string, affix: string) => boolean): LeafTest {
  if (isJsonObject(operand)) {
    const [entry, ...others] = Object.entries(operand);
    if (!entry || others.length > 0 || entry[0] !== "equals-ignore-case") {
      throw new Error(`${operator} must be a string, or an object with only equals-ignore-case`);
    }
    const affix = text(entry[1], operator).toLowerCase();
    return (leaf) => typeof leaf === "string" && holds(leaf.toLowerCase(), affix);
  }
  const affix = text(operand, operator);
  return (leaf) => typeof leaf === "string" && holds(leaf, affix);
}

function anythingBut(operand: unknown): LeafTest {
  if (isJsonObject(operand)) {
    const [entry, ...others] = Object.entries(operand);
    if (!entry || others.length > 0) throw new Error("anything-but must have one operator");
    const [operator, value] = entry;
    const excluded = (Array.isArray(value) ? value : [value]).map((one) => textTest(operator, one));
    if (excluded.length === 0) throw new Error("anything-but must exclude at least one value");
    return (leaf) => !excluded.some((test) => test(leaf));
  }
  const values = Array.isArray(operand) ? operand : [operand];
  if (values.length === 0) throw new Error("anything-but must exclude at least one value");
  const types = new Set(values.map((value) => typeof value));
  if (types.size > 1 || !(types.has("string") || types.has("number"))) {
    throw new Error("anything-but must exclude only strings or only numbers");
  }
  return (leaf) => !values.includes(leaf);
}

function numericTest(operand: unknown): LeafTest {
  const wrong = new Error('numeric must be like ["=", 5] or [">", 0, "<=", 5]');
  if (!Array.isArray(operand)) throw wrong;
  const [operator, bound, upperOperator, upperBound] = operand;
  const first = comparisonWith(operator, bound, wrong);
  if (operand.length === 2) return (leaf) => typeof leaf === "number" && first(leaf);
  const isRange = operand.length === 4 && /^>=?$/.test(String(operator)) && /^<=?$/.test(String(upperOperator));
  if (!isRange || !(Number(bound) < Number(upperBound))) throw wrong;
  const second = comparisonWith(upperOperator, upperBound, wrong);
  return (leaf) => typeof leaf === "number" && first(leaf) && second(leaf);
}

function comparisonWith(operator: unknown, bound: unknown, wrong: Error): (value: number) => boolean {
  if (typeof operator !== "string" || typeof bound !== "number") throw wrong;
  const compare = Object.hasOwn(comparisons, operator) ? comparisons[operator] : undefined;
  if (!compare) throw wrong;
  return (value) => compare(value, bound);
}

function scalar(value: unknown, name: string): string | number | boolean | null {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return value;
  }
  throw new Error(`${name} must be a string, a number, true, false or null`);
}

function text(value: unknown, operator: string): string {
  if (typeof value === "string") return value;
  throw new Error(`${operator} must be a string`);
}
