/** A small document that belongs to no task: the state of a leader or of a breaker, the age of a queue. */
export interface Versioned {
  /** From 1; each write raises it by 1. */
  readonly version: number;
  readonly value: unknown;
}

/**
 * Documents beside the task records, by name, each written as a whole. Their writers decide on their content; by the
 * version a writer notices that another one was first.
 */
export interface ControlStore {
  /** Strongly consistent; undefined if there is none. */
  read(name: string): Promise<Versioned | undefined>;
  /**
   * Writes the document if its version is still `seen`: 0 if it must be absent, "any" for any version. Never overwrites
   * a document of a later record version. Resolves to the new version; undefined if it was not written.
   */
  write(name: string, value: object, seen: number | "any"): Promise<number | undefined>;
}
