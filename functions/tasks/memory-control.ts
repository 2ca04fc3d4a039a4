import type { ControlStore, Versioned } from "./control.ts";

/** Control documents in memory. `read` resolves to a copy, as from a database. */
export class MemoryControlStore implements ControlStore {
  readonly #documents = new Map<string, { readonly version: number; readonly json: string }>();

  async read(name: string): Promise<Versioned | undefined> {
    const found = this.#documents.get(name);
    return found && { version: found.version, value: JSON.parse(found.json) };
  }

  async write(name: string, value: object, seen: number | "any"): Promise<number | undefined> {
    const stored = this.#documents.get(name)?.version ?? 0;
    if (seen !== "any" && seen !== stored) return undefined;
    this.#documents.set(name, { version: stored + 1, json: JSON.stringify(value) });
    return stored + 1;
  }
}
