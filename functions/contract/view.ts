/**
 * A type that JSON stores without loss. Anything else is `never`, so a Date, Map, bigint or Uint8Array in a view does
 * not compile.
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

/** A value in a view that JSON would change or lose. */
export interface Unstorable {
  /** Its path, as an author would write it: `view.items[2].at`. */
  readonly path: string;
  /** The value in words: "a Date". */
  readonly what: string;
}

/**
 * Finds the first value in a view that JSON would change or lose; undefined if there is none. {@link Stored} checks the
 * same at compile time, but sees neither casts and JavaScript code nor numbers that JSON lacks.
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
  if (within.includes(value)) return { path, what: "a circular reference" };
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

/** The initial value of a view, and the version of its shape. */
export interface ViewDefinition<V> {
  /**
   * Raise it when `apply` or the shape changes. The engine then builds the view again from the epoch, without acting.
   */
  readonly version: number;
  readonly initial: () => V;
}
