import { type Faults, noFaults } from "./faults.ts";
import { latencyMs } from "./process.ts";
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
  /** The entity ids of the aggregates whose activities fail. */
  readonly failing = new Set<string>();
  #isCalm = false;
  #faults: Faults;
  #slowness: number;

  /** `slowness`: how many times as long as usual the services of AWS take. */
  constructor(timeline: Timeline, random: Random, story: Story, faults: Faults, slowness = 1) {
    this.timeline = timeline;
    this.random = random;
    this.story = story;
    this.#faults = faults;
    this.#slowness = slowness;
  }

  /** The faults have ended. */
  get isCalm(): boolean {
    return this.#isCalm;
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** How long a message to or from a service of AWS takes. */
  latencyMs(): number {
    return latencyMs(this.random) * this.#slowness;
  }

  /** Ends all faults. Differences between clocks remain. */
  calm(): void {
    this.#isCalm = true;
    this.#faults = noFaults;
    this.#slowness = 1;
    this.hanging.clear();
    this.failing.clear();
  }
}
