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

/** How a view begins, and the number that tells one shape of it from the next. */
export interface ViewDefinition<V> {
  /** Raise it when `apply` or the shape changes: the view is then rebuilt from epoch, without acting. */
  readonly version: number;
  readonly initial: () => V;
}
