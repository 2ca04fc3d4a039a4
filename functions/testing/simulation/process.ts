import type { Clock } from "../../foundation/clock.ts";
import type { Circumstances } from "./circumstances.ts";
import type { Random } from "./random.ts";

/** What becomes of a call to a service. */
type Fate = "fine" | "throttled" | "unknown result" | "made twice";

/** How long a process may stand still that is not idle: longer than a lease. */
export const maxStandstillMs = 400_000;

/**
 * A process of a function: what Lambda calls an execution environment. Whatever reaches it from outside, an answer, a
 * message, a timer, comes through here: so it can die before and after each of them, stand still for any time, and have a
 * clock of its own. A process that has died goes on with nothing, as all that it waits for never comes.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #circumstances: Circumstances;
  #dead = false;
  /** Runs again at this time; undefined: it runs. */
  #stillUntil: number | undefined;
  /** What came while it stood still, in order. */
  readonly #waiting: (() => void)[] = [];
  /** Moments at which it could have died so far. */
  #moments = 0;
  #dieAt = Number.POSITIVE_INFINITY;
  #stopAt = Number.POSITIVE_INFINITY;
  #stopForMs = 0;
  #onDeath: () => void = () => {};
  #troubles = 0;
  #invocations = 0;

  constructor(name: string, circumstances: Circumstances) {
    this.name = name;
    this.#circumstances = circumstances;
    const { timeline, random, faults } = circumstances;
    const skewMs = random.between(-faults.skewMs / 2, faults.skewMs / 2);
    this.clock = {
      now: () => Math.floor(timeline.now + skewMs),
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  get isDead(): boolean {
    return this.#dead;
  }

  /** How often it stood still, or was told that a call had failed: only then may it leave something undone. */
  get troubles(): number {
    return this.#troubles;
  }

  /** The number of the event that it handles, or has handled last. */
  get invocation(): number {
    return this.#invocations;
  }

  /** When it goes on; undefined if it does not stand still. */
  get stillUntil(): number | undefined {
    return this.#stillUntil;
  }

  /** Draws what will happen to it while it handles an event; `onDeath` is called if it dies. */
  beginInvocation(onDeath: () => void): void {
    const { random, faults } = this.#circumstances;
    this.#onDeath = onDeath;
    this.#invocations++;
    this.#dieAt = random.chance(faults.kill) ? this.#moments + Math.floor(random.magnitude(1, 100)) : Infinity;
    this.#stopAt = Number.POSITIVE_INFINITY;
    if (random.chance(faults.block)) this.#stopSoon(random.magnitude(50, 15_000));
    else if (random.chance(faults.freeze)) this.#stopSoon(random.between(20_000, maxStandstillMs));
  }

  #stopSoon(forMs: number): void {
    this.#stopAt = this.#moments + Math.floor(this.#circumstances.random.magnitude(1, 100));
    this.#stopForMs = forMs;
  }

  endInvocation(): void {
    this.#onDeath = () => {};
    this.#dieAt = Number.POSITIVE_INFINITY;
    this.#stopAt = Number.POSITIVE_INFINITY;
  }

  kill(why: string): void {
    if (this.#dead) return;
    this.#circumstances.story.say(this.name, () => `is killed: ${why}`);
    this.#dead = true;
    this.#waiting.length = 0;
    this.#onDeath();
  }

  /** Stands still; `Infinity` until somebody says {@link goOn}. */
  standStill(ms: number): void {
    const { timeline, story } = this.#circumstances;
    if (ms !== Number.POSITIVE_INFINITY) {
      this.#troubles++;
      story.say(this.name, () => `stands still for ${Math.round(ms)} ms`);
      timeline.after(ms, () => this.goOn());
    }
    this.#stillUntil = timeline.now + ms;
  }

  goOn(): void {
    if (this.#dead || this.#stillUntil === undefined || this.#circumstances.timeline.now < this.#stillUntil) return;
    this.#troubles++;
    this.wake();
  }

  /** Goes on at once, however long it was to stand still. */
  wake(): void {
    this.#stillUntil = undefined;
    const came = this.#waiting.splice(0);
    // One after the other: between two of them the process may stop again.
    for (const act of came) this.#circumstances.timeline.after(0, () => this.deliver(act));
  }

  /** Something reaches the process: at once, when it goes on again, or never. */
  deliver(act: () => void): void {
    if (this.#dead) return;
    if (this.#stillUntil !== undefined) this.#waiting.push(act);
    else if (this.#passMoment()) act();
    else if (!this.#dead) this.#waiting.push(act);
  }

  /**
   * Calls a service: the call leaves, is carried out there, and its answer comes back. What `carryOut` throws is the
   * service's answer too.
   */
  call<T>(what: string, carryOut: () => T | Promise<T>, failure: (text: string) => Error): Promise<T> {
    const { timeline, random, story } = this.#circumstances;
    return new Promise<T>((resolve, reject) => {
      // It may die or stop before the call leaves.
      this.deliver(() => {
        const fate = this.#fateOfCall();
        if (fate !== "fine") story.say(this.name, () => `${what}: ${fate}`);
        const answer = (act: () => void) => timeline.after(latencyMs(random), () => this.deliver(act));
        const attempt = (then: (carriedOut: Promise<T>) => void) =>
          timeline.after(latencyMs(random), () => then(Promise.resolve().then(carryOut)));
        const fail = (text: string) => {
          this.#troubles++;
          reject(failure(text));
        };
        const settle = (carriedOut: Promise<T>) =>
          void carriedOut.then(
            (value) => answer(() => resolve(value)),
            (error: unknown) => answer(() => reject(error)),
          );
        switch (fate) {
          case "fine":
            return void attempt(settle);
          case "throttled":
            return void answer(() => fail("throttled"));
          case "unknown result":
            return void attempt((carriedOut) => {
              carriedOut.catch(() => {});
              answer(() => fail("timed out"));
            });
          case "made twice":
            return void attempt((carriedOut) => {
              carriedOut.catch(() => {});
              timeline.after(random.between(50, 1_500), () => this.deliver(() => attempt(settle)));
            });
        }
      });
    });
  }

  #fateOfCall(): Fate {
    const { random, faults } = this.#circumstances;
    const draw = random.next();
    if (draw < faults.throttle) return "throttled";
    if (draw < faults.throttle + faults.unknownResult) return "unknown result";
    if (draw < faults.throttle + faults.unknownResult + faults.repeatedCall) return "made twice";
    return "fine";
  }

  /** False if the process does not live, or run, beyond this moment. */
  #passMoment(): boolean {
    this.#moments++;
    if (this.#moments >= this.#dieAt) {
      this.kill("at a moment drawn");
      return false;
    }
    if (this.#moments >= this.#stopAt) {
      this.#stopAt = Number.POSITIVE_INFINITY;
      this.standStill(this.#stopForMs);
      return false;
    }
    return true;
  }

  #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const over = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const takeBack = Number.isFinite(ms)
        ? this.#circumstances.timeline.after(ms, () => this.deliver(over))
        : () => {};
      const abort = () => {
        takeBack();
        resolve();
      };
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}

/** A service in the same region: a few milliseconds, now and then many. */
export const latencyMs = (random: Random): number => random.magnitude(1, 30);
