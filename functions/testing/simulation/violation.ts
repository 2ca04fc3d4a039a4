/** A violation of a promise or of a rule of the protocol. */
export interface Violation {
  /** The promise or rule, as `T1` or `rule 6`. */
  readonly rule: string;
  /** What happened, in one sentence. */
  readonly what: string;
  readonly task: string;
  /** Milliseconds since the start of the simulation. */
  readonly atMs: number;
}
