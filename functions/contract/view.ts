/**
 * What survives being stored as JSON; anything else is `never`, so a Date, Map, bigint or Uint8Array in a view does not
 * compile.
 */
export type Stored<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends
        | bigint
        | symbol
        | Date
        | Uint8Array
        | ReadonlyMap<unknown, unknown>
        | ReadonlySet<unknown>
        | ((...args: never) => unknown)
    ? never
    : { [P in keyof T]: Stored<T[P]> };

/** Something in a view that does not come back from JSON as it was. */
export interface Unstorable {
  /** Where, as an author would write it: `view.items[2].at`. */
  readonly path: string;
  /** What, in words: "a Date". */
  readonly what: string;
}

/**
 * The first thing in a view that storing would change or lose; undefined if all of it comes back. {@link Stored} says the
 * same to the compiler, which does not see what a cast or a JavaScript author puts there, nor numbers that JSON lacks.
 */
export function unstorableIn(view: unknown): Unstorable | undefined {
  return find(view, "view", []);
}

function find(value: unknown, path: string, within: readonly object[]): Unstorable | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : { path, what: String(value) };
    case "object":
      break;
    default:
      return { path, what: `a ${typeof value}` };
  }
  if (value === null) return undefined;
  if (within.includes(value)) return { path, what: "a part that it is itself a part of" };
  const around = [...within, value];
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      if (value[i] === undefined) return { path: `${path}[${i}]`, what: "undefined" };
      const found = find(value[i], `${path}[${i}]`, around);
      if (found) return found;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return { path, what: `a ${value.constructor?.name}` };
  for (const [key, field] of Object.entries(value)) {
    const found = find(field, `${path}.${key}`, around);
    if (found) return found;
  }
  return undefined;
}

/** How a view begins, and the number that tells one shape of it from the next. */
export interface ViewDefinition<V> {
  /** Raise it when `apply` or the shape changes: the view is then rebuilt from epoch, without acting. */
  readonly version: number;
  readonly initial: () => V;
}
