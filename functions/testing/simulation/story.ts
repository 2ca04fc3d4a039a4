import type { Timeline } from "./timeline.ts";

/** The log of a simulation, in words. Kept only on demand, since most simulations find nothing. */
export class Story {
  readonly #wanted: boolean;
  readonly lines: string[] = [];
  #timeline: Timeline | undefined;
  #start = 0;

  constructor(wanted: boolean) {
    this.#wanted = wanted;
  }

  begin(timeline: Timeline): void {
    this.#timeline = timeline;
    this.#start = timeline.now;
  }

  /** Adds a line. `text` is called only if the story is wanted. */
  say(who: string, text: () => string): void {
    if (!this.#wanted || !this.#timeline) return;
    this.lines.push(`${durationText(this.#timeline.now - this.#start)}  ${who.padEnd(10)}  ${text()}`);
  }
}

/** `mm:ss.mmm`. */
function durationText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const seconds = ((ms % 60_000) / 1000).toFixed(3);
  return `${String(minutes).padStart(2, "0")}:${seconds.padStart(6, "0")}`;
}
