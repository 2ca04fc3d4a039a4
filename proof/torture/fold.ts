import { createHash } from "node:crypto";

/** The view of the recording activities of level 2: a digest of all events, in order. */
export interface Fold {
  count: number;
  last: string;
  digest: string;
  /** Makes the view large enough to be stored as a separate item. */
  padding: string;
}

export const emptyFold = (paddingBytes: number): Fold => ({
  count: 0,
  last: "epoch",
  digest: "",
  padding: "x".repeat(paddingBytes),
});

/** Adds an event to the fold. */
export function foldIn(fold: Fold, id: string): void {
  fold.count++;
  fold.last = id;
  fold.digest = createHash("sha256").update(`${fold.digest} ${id}`).digest("hex").slice(0, 16);
}
