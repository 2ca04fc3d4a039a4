/** A limit that work counts against, within one invocation. */
export interface Need {
  readonly name: string;
  /** Number of slots. */
  readonly limit: number;
}

/**
 * Runs work while all its needs have a free slot: a run needs one of its invocation, kind, upstream and, if it names
 * one, resource. Waiting work does not block work with other needs. In nog's Go packages it does: one loop waits for
 * all limiters (grpclazy.go:185-207 at commit 4450389).
 */
export class Slots {
  readonly #used = new Map<string, number>();
  readonly #waiting: { readonly needs: readonly Need[]; readonly enter: () => void }[] = [];

  async run<T>(needs: readonly Need[], work: () => Promise<T>): Promise<T> {
    if (this.hasRoom(needs)) this.#add(needs, 1);
    else await new Promise<void>((enter) => this.#waiting.push({ needs, enter }));
    try {
      return await work();
    } finally {
      this.#add(needs, -1);
      this.#admit();
    }
  }

  /** Starts waiting work whose needs have free slots, the oldest first. */
  #admit(): void {
    for (let i = 0; i < this.#waiting.length; ) {
      const waiting = this.#waiting[i];
      if (!waiting || !this.hasRoom(waiting.needs)) {
        i++;
        continue;
      }
      this.#waiting.splice(i, 1);
      this.#add(waiting.needs, 1);
      waiting.enter();
    }
  }

  /** Whether work with these needs could start at once. */
  hasRoom(needs: readonly Need[]): boolean {
    return needs.every(({ name, limit }) => (this.#used.get(name) ?? 0) < limit);
  }

  #add(needs: readonly Need[], count: number): void {
    for (const { name } of needs) this.#used.set(name, (this.#used.get(name) ?? 0) + count);
  }
}
