/** A promise that was not kept. */
export interface Violation {
  /** The number of the invariant or rule, as `T1` or `rule 6`. */
  readonly rule: string;
  /** What happened instead, in a sentence. */
  readonly what: string;
  readonly task: string;
  /** Milliseconds from the beginning. */
  readonly atMs: number;
}
