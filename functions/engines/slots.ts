/** Something of which there is only so much in one invocation. */
export interface Need {
  readonly name: string;
  /** Places at once. */
  readonly limit: number;
}

/**
 * Lets work run while everything it needs has room: a run takes one place of its invocation, kind, upstream and, if it
 * names one, resource. Work that waits for one of them does not keep work from running that needs others (the seed's
 * dispatcher does: nog 4450389, grpclazy.go, one loop for all limiters).
 */
export class Slots {
  readonly #taken = new Map<string, number>();
  readonly #line: { readonly needs: readonly Need[]; readonly enter: () => void }[] = [];

  async run<T>(needs: readonly Need[], work: () => Promise<T>): Promise<T> {
    if (this.hasRoom(needs)) this.#add(needs, 1);
    else await new Promise<void>((enter) => this.#line.push({ needs, enter }));
    try {
      return await work();
    } finally {
      this.#add(needs, -1);
      this.#admit();
    }
  }

  /** Those who came first go first, of those who can go at all. */
  #admit(): void {
    for (let i = 0; i < this.#line.length; ) {
      const waiting = this.#line[i];
      if (!waiting || !this.hasRoom(waiting.needs)) {
        i++;
        continue;
      }
      this.#line.splice(i, 1);
      this.#add(waiting.needs, 1);
      waiting.enter();
    }
  }

  /** Could work that needs these begin at once? */
  hasRoom(needs: readonly Need[]): boolean {
    return needs.every(({ name, limit }) => (this.#taken.get(name) ?? 0) < limit);
  }

  #add(needs: readonly Need[], count: number): void {
    for (const { name } of needs) this.#taken.set(name, (this.#taken.get(name) ?? 0) + count);
  }
}
