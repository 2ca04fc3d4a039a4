import type { Random } from "./random.ts";

interface Step {
  readonly at: number;
  /** Random, so that steps at the same time happen in any order. */
  readonly order: number;
  act: (() => void) | undefined;
}

/** Simulated time: runs steps in the order of their times, one after another. */
export class Timeline {
  readonly #random: Random;
  readonly #heap: Step[] = [];
  /** In milliseconds since 1970, with fractions. */
  now: number;
  /** Number of steps so far. */
  steps = 0;

  constructor(random: Random, start: number) {
    this.#random = random;
    this.now = start;
  }

  /** Schedules `act` at a time, now if that has passed. Returns a function that cancels it. */
  at(time: number, act: () => void): () => void {
    const step: Step = { at: Math.max(time, this.now), order: this.#random.next(), act };
    this.#push(step);
    return () => {
      step.act = undefined;
    };
  }

  after(ms: number, act: () => void): () => void {
    return this.at(this.now + ms, act);
  }

  /** Runs steps until a time, or until `ended` is true after a step. Promise callbacks run between two steps. */
  async run(until: number, ended: () => boolean = () => false): Promise<void> {
    await turn();
    for (;;) {
      const next = this.#heap[0];
      if (!next || next.at > until) break;
      this.#pop();
      if (!next.act) continue;
      this.now = next.at;
      this.steps++;
      next.act();
      await turn();
      if (ended()) return;
    }
    this.now = Math.max(this.now, until);
  }

  #push(step: Step): void {
    const heap = this.#heap;
    let i = heap.push(step) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] as Step;
      if (isBefore(above, step)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = step;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Step, heap[child] as Step)) child++;
      if (isBefore(last, heap[child] as Step)) break;
      heap[i] = heap[child] as Step;
      i = child;
    }
    heap[i] = last;
  }
}

const isBefore = (a: Step, b: Step): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Resolves after all pending promise callbacks have run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
