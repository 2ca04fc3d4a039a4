/** A small document about something other than a task: a leader, an upstream's breaker, how late the queue is. */
export interface Versioned {
  /** From 1; rises with each write. */
  readonly version: number;
  readonly value: unknown;
}

/**
 * Documents beside the task records, by name, each written as a whole. What they mean, and whether a change is allowed,
 * is decided by who writes them, with the version to notice that somebody else was quicker.
 */
export interface ControlStore {
  /** Strongly consistent; undefined if there is none. */
  read(name: string): Promise<Versioned | undefined>;
  /**
   * Writes the document if its version still is `seen`: 0 for one that is absent, "any" to write in any case, but not
   * over one of a later record version. Returns the new version; undefined if it was not written.
   */
  write(name: string, value: object, seen: number | "any"): Promise<number | undefined>;
}
