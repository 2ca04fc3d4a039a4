interface Entry<T> {
  readonly at: number;
  readonly order: number;
  readonly item: T;
}

/** Items by the time they are due; items due at the same time keep the order in which they were added. */
export class DueHeap<T> {
  readonly #entries: Entry<T>[] = [];
  #added = 0;

  /** `at` in milliseconds since 1970-01-01T00:00:00Z. */
  push(at: number, item: T): void {
    this.#added += 1;
    this.#entries.push({ at, order: this.#added, item });
    let index = this.#entries.length - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) break;
      index = parent;
    }
  }

  peek(): { readonly at: number; readonly item: T } | undefined {
    return this.#entries[0];
  }

  pop(): T | undefined {
    const first = this.#entries[0];
    const last = this.#entries.pop();
    if (!first || !last || first === last) return first?.item;
    this.#entries[0] = last;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const child = this.#isBefore(right, left) ? right : left;
      if (!this.#swapIfBefore(child, index)) return first.item;
      index = child;
    }
  }

  clear(): void {
    this.#entries.length = 0;
  }

  #isBefore(a: number, b: number): boolean {
    const left = this.#entries[a];
    const right = this.#entries[b];
    if (!left || !right) return false;
    return left.at < right.at || (left.at === right.at && left.order < right.order);
  }

  #swapIfBefore(a: number, b: number): boolean {
    const left = this.#entries[a];
    const right = this.#entries[b];
    if (!left || !right || !this.#isBefore(a, b)) return false;
    this.#entries[a] = right;
    this.#entries[b] = left;
    return true;
  }
}
