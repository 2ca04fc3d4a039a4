import type { LambdaHandler } from "../../lambda/context.ts";
import type { SimulatedProcess } from "./process.ts";
import type { SimulatedWorld } from "./world.ts";

/** The result of an invocation. */
export type Answer =
  | { readonly type: "answered"; readonly value: unknown }
  | { readonly type: "failed"; readonly error: unknown }
  | { readonly type: "killed" };

/** A process of a function, with its handler. */
export interface Loaded {
  readonly process: SimulatedProcess;
  readonly handler: LambdaHandler;
  /** The version of the app that it has loaded. */
  readonly version: number;
}

/** The version that is deployed, and since when. */
export interface Deployed {
  readonly version: number;
  /** In milliseconds since 1970. */
  readonly since: number;
}

/** How long after a deploy an event may still reach the version before. */
const deployMs = 60_000;

/** A Lambda function. A process handles one event at a time, is frozen between two, and is killed at the timeout. */
export class SimulatedFunction {
  /** Called when an invocation has answered. */
  onAnswered: ((process: SimulatedProcess) => void) | undefined;
  readonly #world: SimulatedWorld;
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #load: (name: string) => Loaded;
  readonly #deployed: () => Deployed;
  readonly #idle: Loaded[] = [];
  #processes = 0;
  #invocations = 0;
  kills = 0;

  constructor(
    world: SimulatedWorld,
    settings: { readonly name: string; readonly timeoutMs: number },
    load: (name: string) => Loaded,
    deployed: () => Deployed,
  ) {
    this.#world = world;
    this.#name = settings.name;
    this.#timeoutMs = settings.timeoutMs;
    this.#load = load;
    this.#deployed = deployed;
  }

  get invocations(): number {
    return this.#invocations;
  }

  invoke(event: unknown): Promise<Answer> {
    const { timeline, random } = this.#world;
    return new Promise((resolve) => {
      const loaded = this.#reuse();
      const coldMs = loaded ? 0 : random.between(100, 900);
      timeline.after(coldMs + random.magnitude(1, 20), () => {
        this.#handle(loaded ?? this.#start(), event, resolve);
      });
    });
  }

  /** A process that has handled an event before. For a while after a deploy it may have the version before. */
  #reuse(): Loaded | undefined {
    const { random, timeline } = this.#world;
    const { version, since } = this.#deployed();
    const isRecent = timeline.now - since < deployMs;
    for (;;) {
      const loaded = this.#idle.splice(random.whole(0, Math.max(0, this.#idle.length - 1)), 1)[0];
      if (!loaded) return undefined;
      if (loaded.version === version || (isRecent && random.chance(0.3))) return loaded;
      loaded.process.kill("its version is not deployed any more");
    }
  }

  #start(): Loaded {
    return this.#load(`${this.#name}-${++this.#processes}`);
  }

  #handle({ process, handler, version }: Loaded, event: unknown, resolve: (answer: Answer) => void): void {
    const { timeline, random, story } = this.#world;
    this.#invocations++;
    const hardEnd = timeline.now + this.#timeoutMs;
    let isOver = false;
    const end = (answer: Answer) => {
      isOver = true;
      process.endInvocation();
      if (answer.type === "failed") story.say(process.name, () => `fails: ${answer.error}`);
      timeline.after(random.magnitude(1, 10), () => resolve(answer));
    };
    const answered = (answer: Answer) => {
      this.onAnswered?.(process);
      end(answer);
      // Unfinished work waits until the next event.
      process.standStill(Number.POSITIVE_INFINITY);
      if (random.chance(0.1)) process.kill("it is not needed any more");
      else this.#idle.push({ process, handler, version });
    };
    timeline.at(hardEnd, () => {
      if (isOver) return;
      const { stillUntil } = process;
      // The platform may kill a frozen process late; it may then go on for a moment.
      const isLate = stillUntil !== undefined && !process.isHanging && random.chance(0.5);
      const lateMs = isLate ? stillUntil - timeline.now + random.between(1, 2_000) : 0;
      timeline.after(lateMs, () => {
        if (!isOver) process.kill("its time is over");
      });
    });
    process.beginInvocation(() => {
      this.kills++;
      end({ type: "killed" });
    });
    process.wake();
    const context = {
      awsRequestId: `${process.name}-${this.#invocations}`,
      getRemainingTimeInMillis: () => Math.floor(hardEnd - timeline.now),
    };
    handler(event, context).then(
      (value) => process.deliver(() => answered({ type: "answered", value })),
      (error: unknown) => process.deliver(() => answered({ type: "failed", error })),
    );
  }
}
