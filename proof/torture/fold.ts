import { createHash } from "node:crypto";

/** The view of the recording activities of level 2: a digest of all events, in order. */
export interface Fold {
  count: number;
  last: string;
  digest: string;
  /** Makes the view as large as that of an activity which stores it as an item of its own. */
  padding: string;
}

export const emptyFold = (paddingBytes: number): Fold => ({
  count: 0,
  last: "epoch",
  digest: "",
  padding: "x".repeat(paddingBytes),
});

/** Adds an event, in place. */
export function foldIn(fold: Fold, id: string): void {
  fold.count++;
  fold.last = id;
  fold.digest = createHash("sha256").update(`${fold.digest} ${id}`).digest("hex").slice(0, 16);
}
