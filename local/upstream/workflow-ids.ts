import { idKey, isZero } from "./ids.ts";
import type { Journal } from "./journal.ts";

const generation = 100;

/**
 * Workflow ids are used once: `burn` uses the id up, even if the command fails. The last 100 to 200 burnt ids are kept
 * in memory; the journal has those with events (nog 4450389, backend/cmd/nogfsoregd, idChecker).
 */
export class WorkflowIds {
  readonly #journal: Journal;
  #seen = new Set<string>();
  #seenBefore = new Set<string>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Burns `id`. Returns the reason why it must not be used, or undefined. */
  burn(id: Uint8Array): string | undefined {
    const key = idKey(id);
    if (this.#seen.size > generation) {
      this.#seenBefore = this.#seen;
      this.#seen = new Set();
    }
    const known = this.#seen.has(key) || this.#seenBefore.has(key);
    if (!known) this.#seen.add(key);
    return known || !isZero(this.#journal.head(id)) ? "ID has been used before" : undefined;
  }
}
