import type { Attribute, TaskRecord } from "../../functions/tasks/record.ts";
import {
  all,
  any,
  atLeast,
  atMost,
  type Guard,
  type Update,
  absent as unstored,
} from "../../functions/tasks/update.ts";

/** The case that a cell of the table of operations is read for. */
export interface Case {
  /** The words in parentheses that hold. */
  readonly labels: readonly string[];
  /** The attributes that the writer has read. */
  readonly seen: Partial<TaskRecord>;
  /** The values of the names in times and in constants. */
  readonly names: Readonly<Record<string, unknown>>;
}

/** Words that stand for longer cells, by the word. */
export type Shorthands = ReadonlyMap<string, string>;

/** How an attribute is written. A given one is written as the caller has it; without a value it is removed or left. */
export type Writing =
  | { readonly how: "given" | "removed" | "raised" }
  | { readonly how: "set"; readonly value: unknown };

// ── terms and labels ─────────────────────────────────────────────────────────────────────────────

/** Splits a text at a separator that is not in parentheses. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "(") depth++;
    if (text[i] === ")") depth--;
    if (depth > 0 || !text.startsWith(separator, i)) continue;
    parts.push(text.slice(from, i));
    from = i + separator.length;
  }
  return [...parts, text.slice(from)].map((part) => part.trim());
}

/** A term without its label, and the label: "timer (unless eager)". */
function labelled(term: string): { readonly text: string; readonly label: string } {
  const [, text = term, label = ""] = /^(.*\S) \(([^()]*)\)$/.exec(term) ?? [];
  return { text, label };
}

/** Does a label hold? "a or b, unless c": one of a and b, and not c. */
function holds(label: string, labels: readonly string[]): boolean {
  if (label === "") return true;
  return label.split(", ").every((clause) => {
    const isNegated = clause.startsWith("unless ");
    const words = clause.replace(/^unless /, "").split(" or ");
    return words.some((word) => labels.includes(word)) !== isNegated;
  });
}

/** The words of all labels in a cell. */
export const wordsOfLabels = (cell: string): string[] =>
  [...cell.matchAll(/ \(([^()]*)\)/g)].flatMap(([, label = ""]) =>
    label.split(/, | or /).map((word) => word.replace(/^unless /, "")),
  );

/** The terms of a cell that hold in a case. */
export const termsOf = (cell: string, separator: string, labels: readonly string[]): string[] =>
  cell === "–"
    ? []
    : split(cell, separator)
        .map(labelled)
        .filter(({ label }) => holds(label, labels))
        .map(({ text }) => text);

/** The one term of a cell that holds in a case: one with a label goes before one without. */
export function termOf(cell: string, labels: readonly string[]): string {
  const terms = split(cell, "; ").map(labelled);
  const special = terms.filter(({ label }) => label !== "" && holds(label, labels));
  const found = special.length > 0 ? special : terms.filter(({ label }) => label === "");
  if (found.length !== 1 || !found[0]) throw new Error(`${found.length} terms of "${cell}" hold for "${labels}"`);
  return found[0].text;
}

// ── conditions ───────────────────────────────────────────────────────────────────────────────────

const statuses: readonly string[] = ["ready", "running", "sleeping", "retrying", "parked", "completed"];

/** The condition that a cell says, as the transitions have it. */
export function conditionOf(cell: string, shorthands: Shorthands, given: Case): Guard {
  return all(...split(cell, "; ").flatMap((term) => alternativesOf(term, shorthands, given) ?? []));
}

/** Undefined if none of a term's alternatives holds in this case: then the term asks for nothing. */
function alternativesOf(term: string, shorthands: Shorthands, given: Case): Guard | undefined {
  const ways = termsOf(term, " or ", given.labels).map((way) =>
    all(...split(way, " and ").map((part) => atomOf(part, shorthands, given))),
  );
  return ways.length === 0 ? undefined : any(...ways);
}

function atomOf(text: string, shorthands: Shorthands, given: Case): Guard {
  const short = shorthands.get(text);
  if (short !== undefined) return conditionOf(short, shorthands, given);
  if (text === "absent") return unstored;
  if (text === "paused" || text === "awaiting") return { op: "is", attribute: text, value: true };
  if (statuses.includes(text)) return { op: "is", attribute: "status", value: text };
  const [, without] = /^(?:not|no) (\w+)$/.exec(text) ?? [];
  if (without) return missing(without);
  const [, seen] = /^(\w+) as (?:seen|given)$/.exec(text) ?? [];
  if (seen) {
    const value = given.seen[seen as Attribute];
    return value === undefined ? missing(seen) : { op: "is", attribute: seen as Attribute, value };
  }
  const [, attribute = "", sign = "", bound = ""] = /^(\w+) ([<≤≥]) (.+)$/.exec(text) ?? [];
  const value = timeOf(bound, given.names);
  // An absent slot has come, and absent strikes are none.
  if (attribute === "slot") return any(missing("notBefore"), atMost("notBefore", value));
  if (attribute === "strikes" && sign === "<") return any(missing("strikes"), atMost("strikes", value - 1));
  if (sign === "≥") return atLeast(attribute as Attribute, value);
  return atMost(attribute as Attribute, sign === "<" ? value - 1 : value);
}

const missing = (attribute: string): Guard => ({ op: "missing", attribute: attribute as Attribute });

/** The conditions of a guard as sorted sentences. Two guards that differ only in their form have the same sentences. */
export function sentencesOf(guard: Guard): string[] {
  switch (guard.op) {
    case "absent":
      return ["absent"];
    case "is":
      return [`${guard.attribute} is ${JSON.stringify(guard.value)}`];
    case "missing":
      return [`no ${guard.attribute}`];
    case "atMost":
      return [`${guard.attribute} ≤ ${guard.value}`];
    case "atLeast":
      return [`${guard.attribute} ≥ ${guard.value}`];
    case "all":
      return [...new Set(guard.guards.flatMap(sentencesOf))].sort();
    case "oneOf":
    case "any": {
      const ways = waysOf(guard);
      // Whoever may pass by a shorter way needs no longer one.
      const shortest = ways.filter((way, i) => !ways.some((other, j) => goesBefore(other, way, j < i)));
      const [only, ...others] = shortest;
      if (only && others.length === 0) return only;
      return [
        shortest
          .map((way) => way.join(" and "))
          .sort()
          .join(" or "),
      ];
    }
  }
}

function waysOf(guard: Guard): string[][] {
  if (guard.op === "any") return guard.guards.flatMap(waysOf);
  if (guard.op === "all" && guard.guards.length === 1 && guard.guards[0]) return waysOf(guard.guards[0]);
  if (guard.op !== "oneOf") return [sentencesOf(guard)];
  return guard.values.map((value) => sentencesOf({ op: "is", attribute: guard.attribute, value }));
}

const goesBefore = (other: readonly string[], way: readonly string[], isEarlier: boolean): boolean =>
  other.every((sentence) => way.includes(sentence)) && (other.length < way.length || (other !== way && isEarlier));

// ── writes ───────────────────────────────────────────────────────────────────────────────────────

/** How a cell says that each attribute is written. */
export function writesOf(cell: string, shorthands: Shorthands, given: Case): ReadonlyMap<string, Writing> {
  const found = new Map<string, Writing>();
  for (const item of termsOf(cell, ", ", given.labels)) {
    const short = shorthands.get(item);
    const writes = short === undefined ? writesOfItem(item, given) : writesOf(short, shorthands, given);
    for (const [attribute, writing] of writes) {
      if (found.has(attribute)) throw new Error(`"${cell}" writes ${attribute} twice for "${given.labels}"`);
      found.set(attribute, writing);
    }
  }
  return found;
}

function writesOfItem(item: string, given: Case): Map<string, Writing> {
  const [, removed] = /^(\w+) ∅$/.exec(item) ?? [];
  if (removed) return new Map([[removed, { how: "removed" }]]);
  const [, raised] = /^(\w+) \+1$/.exec(item) ?? [];
  if (raised) return new Map([[raised, { how: "raised" }]]);
  const names = item.split(" = ");
  const value = names.length > 1 ? names.pop() : undefined;
  const writing: Writing = value === undefined ? { how: "given" } : { how: "set", value: constantOf(value, given) };
  return new Map(names.map((name) => [name, writing]));
}

function constantOf(text: string, { names }: Case): unknown {
  if (text in names) return names[text];
  return /^\d+$|^true$/.test(text) ? JSON.parse(text) : text;
}

/** How an update writes each attribute but the status and the due time, which have columns of their own. */
export function writesIn(update: Update, remove: symbol): ReadonlyMap<string, Writing> {
  const { status: _, due: __, ...changes } = update.changes;
  const found = new Map<string, Writing>(
    Object.entries(changes).map(([attribute, value]) => [
      attribute,
      (value as unknown) === remove ? { how: "removed" } : { how: "set", value },
    ]),
  );
  for (const counter of update.increment ?? []) found.set(counter, { how: "raised" });
  return found;
}

// ── times ────────────────────────────────────────────────────────────────────────────────────────

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

/** The value of a time, in milliseconds: "now + min(1 h, G · 2^rescues)". */
export function timeOf(text: string, names: Case["names"]): number {
  const tokens = text.match(/\d+ (?:ms|s|min|h)\b|\d+|[A-Za-z]+|[+−·^(),]/g) ?? [];
  const unread = new Error(`"${text}" is no time that the notation knows`);
  if (tokens.join("").replaceAll(" ", "") !== text.replaceAll(" ", "")) throw unread;
  let next = 0;
  const takes = (...signs: readonly string[]): string | undefined => {
    const token = tokens[next];
    if (token === undefined || !signs.includes(token)) return undefined;
    next++;
    return token;
  };
  const sum = (): number => {
    let value = product();
    for (let sign = takes("+", "−"); sign; sign = takes("+", "−")) value += sign === "+" ? product() : -product();
    return value;
  };
  const product = (): number => {
    let value = power();
    while (takes("·")) value *= power();
    return value;
  };
  const power = (): number => {
    const base = atom();
    return takes("^") ? base ** atom() : base;
  };
  const atom = (): number => {
    const token = tokens[next++] ?? "";
    const [, count, unit = ""] = /^(\d+)(?: (\w+))?$/.exec(token) ?? [];
    if (count !== undefined) return Number(count) * (units[unit] ?? 1);
    if ((token === "min" || token === "max") && takes("(")) {
      const values = [sum()];
      while (takes(",")) values.push(sum());
      if (!takes(")")) throw unread;
      return Math[token](...values);
    }
    const value = names[token];
    if (typeof value !== "number") throw new Error(`"${text}" names ${token}, which is no time`);
    return value;
  };
  const value = sum();
  if (next !== tokens.length) throw unread;
  return value;
}
