import { type Faults, noFaults } from "./faults.ts";
import type { Random } from "./random.ts";
import type { Story } from "./story.ts";
import type { Timeline } from "./timeline.ts";

/** What all parts of a simulation share: its time, its chance, what goes wrong for now, and its story. */
export class Circumstances {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly story: Story;
  #faults: Faults;

  constructor(timeline: Timeline, random: Random, story: Story, faults: Faults) {
    this.timeline = timeline;
    this.random = random;
    this.story = story;
    this.#faults = faults;
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** From now on nothing goes wrong any more. Clocks stay as far apart as they are. */
  calm(): void {
    this.#faults = noFaults;
  }
}
