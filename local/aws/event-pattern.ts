import { matcherFor, type ValueMatcher } from "./event-pattern-operators.ts";
import { isJsonObject, type JsonObject } from "./request-fields.ts";
import { ServiceError } from "./service-error.ts";

export type EventPattern = (event: JsonObject) => boolean;

type NodeMatcher = (node: JsonObject) => boolean;

/** Maximum length of a pattern in characters (EventBridge API reference, PutRule). */
const maxPattern = 4096;

/**
 * Compiles a rule's event pattern as described in the EventBridge User Guide, "Creating event patterns": exact values,
 * `prefix`, `suffix`, `equals-ignore-case`, `anything-but`, `numeric`, `exists` and `$or`, at any depth. Everything
 * else is refused with InvalidEventPatternException, so that no rule silently matches too much or nothing.
 */
export function compileEventPattern(text: string): EventPattern {
  if (text.length > maxPattern) {
    throw invalidPattern(`it has ${text.length} characters, more than ${maxPattern}`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw invalidPattern(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return compileNode(parsed, "the pattern");
}

function compileNode(pattern: unknown, path: string): NodeMatcher {
  if (!isJsonObject(pattern)) throw invalidPattern(`${path} must be an object`);
  const entries = Object.entries(pattern);
  if (entries.length === 0) throw invalidPattern(`${path} must have at least one field`);
  const matchers = entries.map(([name, value]) =>
    name === "$or" ? compileAlternatives(value, `${path}.$or`) : compileField(name, value, `${path}.${name}`),
  );
  return (node) => matchers.every((matches) => matches(node));
}

function compileAlternatives(value: unknown, path: string): NodeMatcher {
  if (!Array.isArray(value) || value.length < 2) throw invalidPattern(`${path} must list at least two patterns`);
  const alternatives = value.map((pattern, index) => compileNode(pattern, `${path}[${index}]`));
  return (node) => alternatives.some((matches) => matches(node));
}

function compileField(name: string, value: unknown, path: string): NodeMatcher {
  if (isJsonObject(value)) {
    const matches = compileNode(value, path);
    // An absent field can still match `exists: false`.
    return (node) => childrenOf(node, name).some(matches);
  }
  if (!Array.isArray(value)) throw invalidPattern(`${path} must be an object or a list of values`);
  if (value.length === 0) throw invalidPattern(`${path} must list at least one value`);
  const matchers = value.map((element): ValueMatcher => {
    try {
      return matcherFor(element);
    } catch (error) {
      throw invalidPattern(`${path} ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  return (node) => {
    const leaves = leavesOf(node, name);
    return matchers.some((matches) => matches(leaves));
  };
}

/** The objects under a field: the value itself, or those in its list; one empty object when there is none. */
function childrenOf(node: JsonObject, name: string): readonly JsonObject[] {
  const value = ownValue(node, name);
  const children = (Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value]).filter(isJsonObject);
  return children.length > 0 ? children : [{}];
}

/** The scalar values under a field: the value itself, or those in its list; none when it is absent or an object. */
function leavesOf(node: JsonObject, name: string): readonly unknown[] {
  const value = ownValue(node, name);
  const values: unknown[] = Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value];
  return values.filter((leaf) => leaf !== undefined && !isJsonObject(leaf));
}

function ownValue(node: JsonObject, name: string): unknown {
  return Object.hasOwn(node, name) ? node[name] : undefined;
}

function invalidPattern(reason: string): ServiceError {
  return new ServiceError("InvalidEventPatternException", `Event pattern is not valid. Reason: ${reason}.`);
}
