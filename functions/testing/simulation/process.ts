import type { Clock } from "../../foundation/clock.ts";
import type { Random } from "./random.ts";
import type { SimulatedWorld } from "./world.ts";

/** The fate of a call to a service. */
type Fate = "fine" | "throttled" | "unknown result" | "made twice" | "unanswered";

/** A call on its way, as the service sees it. */
export interface Carriage {
  /** The caller has given it up. */
  readonly isGivenUp: boolean;
}

/** How long after its caller has given it up a call may be carried out, at most. */
const maxLateMs = 360_000;

/** Maximum time for which a process is frozen during an invocation: longer than a lease. */
export const maxStandstillMs = 400_000;

/**
 * A process of a function, which Lambda calls an execution environment. It has a clock of its own. All its input from
 * outside (responses, messages, timers) passes through `deliver`, so it can die or be frozen before each of them. A
 * process that has died never goes on, since its promises never settle.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #world: SimulatedWorld;
  readonly #isPatient: boolean;
  /** How far its clock is ahead. */
  #aheadMs = 0;
  #dead = false;
  /** When it goes on; undefined if it is not frozen. */
  #stillUntil: number | undefined;
  /** Input that arrived while it was frozen, in order. */
  readonly #waiting: (() => void)[] = [];
  /** The number of moments so far at which it could have died. */
  #moments = 0;
  #dieAt = Number.POSITIVE_INFINITY;
  #stopAt = Number.POSITIVE_INFINITY;
  #stopForMs = 0;
  #onDeath: () => void = () => {};
  #troubles = 0;
  #troublesBefore = 0;
  #invocations = 0;
  readonly #calls = new Map<number, string>();
  #lastCall = 0;
  #isHanging = false;
  /** The maximum of calls that were under way at once. */
  maxCalls = 0;

  /** `isPatient`: its calls are answered in the end, as those of an operator who looks what became of them. */
  constructor(name: string, world: SimulatedWorld, options: { readonly isPatient?: boolean } = {}) {
    this.name = name;
    this.#world = world;
    this.#isPatient = options.isPatient ?? false;
    this.#setClock();
    this.clock = {
      now: () => Math.floor(world.timeline.now + this.#aheadMs),
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  #setClock(): void {
    const { random, faults } = this.#world;
    this.#aheadMs = random.between(-faults.skewMs / 2, faults.skewMs / 2);
  }

  /** The calls that have not been answered. */
  get callsUnderWay(): readonly string[] {
    return [...this.#calls.values()];
  }

  /** An activity keeps it from ever going on: the platform kills it in time. */
  get isHanging(): boolean {
    return this.#isHanging;
  }

  get isDead(): boolean {
    return this.#dead;
  }

  /** How often it was frozen, went on, or had a call fail. Only then may it leave something undone. */
  get troubles(): number {
    return this.#troubles;
  }

  /** Its troubles before the current invocation. */
  get troublesBefore(): number {
    return this.#troublesBefore;
  }

  /** The number of its current or last invocation. */
  get invocation(): number {
    return this.#invocations;
  }

  /** When it goes on; undefined if it is not frozen. */
  get stillUntil(): number | undefined {
    return this.#stillUntil;
  }

  /** Draws its faults for an invocation; `onDeath` is called if it dies. */
  beginInvocation(onDeath: () => void): void {
    const { random, faults } = this.#world;
    this.#onDeath = onDeath;
    this.#invocations++;
    this.#troublesBefore = this.#troubles;
    this.#dieAt = random.chance(faults.kill) ? this.#moments + Math.floor(random.magnitude(1, 100)) : Infinity;
    this.#stopAt = Number.POSITIVE_INFINITY;
    if (random.chance(faults.block)) this.#stopSoon(random.magnitude(50, 15_000));
    else if (random.chance(faults.freeze)) this.#stopSoon(random.between(20_000, maxStandstillMs));
    if (random.chance(faults.clockStep))
      this.#world.timeline.after(random.magnitude(10, 60_000), () => this.#stepClock());
  }

  #stepClock(): void {
    const { faults, story } = this.#world;
    if (this.#dead || faults.skewMs === 0) return;
    const before = this.#aheadMs;
    this.#setClock();
    this.#troubles++;
    story.say(this.name, () => `sets its clock by ${Math.round(this.#aheadMs - before)} ms`);
  }

  #stopSoon(forMs: number): void {
    this.#stopAt = this.#moments + Math.floor(this.#world.random.magnitude(1, 100));
    this.#stopForMs = forMs;
  }

  endInvocation(): void {
    this.#onDeath = () => {};
    this.#dieAt = Number.POSITIVE_INFINITY;
    this.#stopAt = Number.POSITIVE_INFINITY;
  }

  kill(why: string): void {
    if (this.#dead) return;
    this.#world.story.say(this.name, () => `is killed: ${why}`);
    this.#dead = true;
    this.#waiting.length = 0;
    this.#onDeath();
  }

  /** Freezes the process for a time; with `Infinity`, until {@link wake}. */
  standStill(ms: number): void {
    const { timeline, story } = this.#world;
    if (ms !== Number.POSITIVE_INFINITY) {
      this.#troubles++;
      story.say(this.name, () => `is frozen for ${Math.round(ms)} ms`);
      timeline.after(ms, () => this.goOn());
    }
    this.#stillUntil = timeline.now + ms;
  }

  /** An activity blocks the process for longer than an invocation of the lazy function takes. */
  hang(): void {
    this.#isHanging = true;
    this.standStill(maxStandstillMs);
  }

  goOn(): void {
    if (this.#dead || this.#stillUntil === undefined || this.#world.timeline.now < this.#stillUntil) return;
    this.#troubles++;
    this.wake();
  }

  /** Goes on at once. */
  wake(): void {
    this.#stillUntil = undefined;
    this.#isHanging = false;
    const came = this.#waiting.splice(0);
    // One after another: the process may freeze again between two of them.
    for (const act of came) this.#world.timeline.after(0, () => this.deliver(act));
  }

  /** Delivers input to the process: at once, when it goes on, or never. */
  deliver(act: () => void): void {
    if (this.#dead) return;
    if (this.#stillUntil !== undefined) this.#waiting.push(act);
    else if (this.#passMoment()) act();
    else if (!this.#dead) this.#waiting.push(act);
  }

  /**
   * Calls a service: sends the request, carries it out there, and delivers the response. An error of `carryOut` is a
   * response, too.
   */
  call<T>(
    what: string,
    carryOut: (carriage: Carriage) => T | Promise<T>,
    failure: (text: string) => Error,
  ): Promise<T> {
    const { timeline, random, story } = this.#world;
    const number = ++this.#lastCall;
    this.#calls.set(number, what);
    this.maxCalls = Math.max(this.maxCalls, this.#calls.size);
    return new Promise<T>((resolve, reject) => {
      // The process may die or freeze before it sends the request.
      this.deliver(() => {
        const fate = this.#fateOfCall();
        if (fate !== "fine") story.say(this.name, () => `${what}: ${fate}`);
        const latencyMs = () => this.#world.latencyMs();
        const answer = (act: () => void, afterMs = latencyMs()) =>
          timeline.after(afterMs, () =>
            this.deliver(() => {
              this.#calls.delete(number);
              act();
            }),
          );
        const attempt = (then: (carriedOut: Promise<T>) => void, afterMs = latencyMs(), isGivenUp = false) =>
          timeline.after(afterMs, () => then(Promise.resolve({ isGivenUp }).then(carryOut)));
        const fail = (text: string) => {
          this.#troubles++;
          reject(failure(text));
        };
        const settle = (carriedOut: Promise<T>) =>
          void carriedOut.then(
            (value) => answer(() => resolve(value)),
            (error: unknown) => answer(() => reject(error)),
          );
        const ignore = (carriedOut: Promise<T>) => carriedOut.catch(() => {});
        switch (fate) {
          case "fine":
            return void attempt(settle);
          case "throttled":
            return void answer(() => fail("throttled"));
          case "unknown result":
            return void attempt((carriedOut) => {
              ignore(carriedOut);
              answer(() => fail("timed out"));
            });
          case "made twice":
            return void attempt((carriedOut) => {
              ignore(carriedOut);
              timeline.after(random.between(50, 1_500), () => this.deliver(() => attempt(settle)));
            });
          case "unanswered": {
            const patienceMs = random.between(2_000, 10_000);
            answer(() => fail("timed out"), patienceMs);
            const lateMs = random.pick([undefined, latencyMs(), random.magnitude(1_000, maxLateMs)]);
            if (lateMs !== undefined) attempt(ignore, patienceMs + lateMs, true);
          }
        }
      });
    });
  }

  #fateOfCall(): Fate {
    const { random, faults } = this.#world;
    const draw = random.next();
    if (draw < faults.throttle) return "throttled";
    if (draw < faults.throttle + faults.unknownResult) return "unknown result";
    if (draw < faults.throttle + faults.unknownResult + faults.repeatedCall) return "made twice";
    const upTo = faults.throttle + faults.unknownResult + faults.repeatedCall + faults.unansweredCall;
    return draw < upTo && !this.#isPatient ? "unanswered" : "fine";
  }

  /** False if the process dies or freezes at this moment. */
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
      const takeBack = Number.isFinite(ms) ? this.#world.timeline.after(ms, () => this.deliver(over)) : () => {};
      const abort = () => {
        takeBack();
        resolve();
      };
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}

/** The latency of a service in the same region: a few milliseconds, sometimes more. */
export const latencyMs = (random: Random): number => random.magnitude(1, 30);
