import { type Faults, noFaults } from "./faults.ts";
import type { Random } from "./random.ts";
import type { Story } from "./story.ts";
import type { Timeline } from "./timeline.ts";

/** Shared by all parts of a simulation: its time, its random numbers, the current faults, and its story. */
export class SimulatedWorld {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly story: Story;
  /** The entity ids of the aggregates whose activities hang. */
  readonly hanging = new Set<string>();
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

  /** Ends all faults. Differences between clocks remain. */
  calm(): void {
    this.#faults = noFaults;
    this.hanging.clear();
  }
}
