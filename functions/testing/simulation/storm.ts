import { tasksOf } from "../../client.ts";
import type { Task } from "../../contract/activity.ts";
import { taskKey } from "../../engines/binding.ts";
import { encodeBusEvent } from "../../wake/envelope.ts";
import type { Aggregate } from "./aggregate.ts";
import type { Deployment } from "./deployment.ts";
import type { Inspector } from "./inspector.ts";
import { operate } from "./operators.ts";
import type { SimulatedProcess } from "./process.ts";
import type { SimulatedWorld } from "./world.ts";

const minuteMs = 60_000;
const maxHangMs = 10 * minuteMs;
const maxOutageMs = 4 * minuteMs;
const maxSignalStormMs = minuteMs;
/** No key of the table may be as long. */
const overlongId = "x".repeat(3_000);

export interface StormOptions {
  readonly aggregates: readonly Aggregate[];
  readonly tasks: readonly Task[];
  /** Whether histories of servers that are silent about unknown tails are trimmed, too. */
  readonly trimsSilent: boolean;
}

/** What happens to a deployment until the faults end: events, signals, ticks, and the faults of each minute. */
export class Storm {
  readonly #world: SimulatedWorld;
  readonly #deployment: Deployment;
  readonly #inspector: Inspector;
  readonly #operator: SimulatedProcess;
  readonly #options: StormOptions;

  constructor(
    world: SimulatedWorld,
    deployment: Deployment,
    inspector: Inspector,
    operator: SimulatedProcess,
    options: StormOptions,
  ) {
    this.#world = world;
    this.#deployment = deployment;
    this.#inspector = inspector;
    this.#operator = operator;
    this.#options = options;
  }

  /** Starts the tasks and generates events until a time; begins the ticks, which go on. */
  begin(end: number): void {
    const { timeline, random } = this.#world;
    const tasks = tasksOf(this.#deployment.portsOf(this.#operator));
    const startWithinMs = (end - timeline.now) / 3;
    for (const { activity, address } of this.#options.tasks) {
      timeline.after(random.magnitude(1, startWithinMs), () => {
        // A start that fails is repeated after the faults.
        tasks.start(activity, address as never).catch(() => {});
      });
    }
    for (const aggregate of this.#options.aggregates) this.#generateEvents(aggregate, end);
    timeline.after(0, () => this.#everyMinute());
  }

  append(aggregate: Aggregate, event: unknown): void {
    const { timeline, story } = this.#world;
    aggregate.append(timeline.now, event);
    story.say("upstream", () => `${aggregate.entity} has event ${aggregate.events.length}: ${aggregate.head}`);
    this.#signal(aggregate);
  }

  /** Appends events until `end`, singly or in bursts. */
  #generateEvents(aggregate: Aggregate, end: number): void {
    const { timeline, random } = this.#world;
    for (let i = 1; i < aggregate.firstEvents; i++) aggregate.append(timeline.now, aggregate.nextEvent(random));
    if (aggregate.firstEvents > 0) this.append(aggregate, aggregate.nextEvent(random));
    const next = () => {
      if (timeline.now >= end || aggregate.events.length >= aggregate.maxEvents) return;
      this.append(aggregate, aggregate.nextEvent(random));
      timeline.after(random.chance(0.4) ? random.magnitude(1, 200) : random.magnitude(500, 240_000), next);
    };
    timeline.after(random.magnitude(1, 120_000), next);
  }

  #signal(aggregate: Aggregate): void {
    const { random, faults } = this.#world;
    const { app, upstream, bus } = this.#deployment;
    const entities = [aggregate.entity];
    if (random.chance(faults.strangeSignal)) entities.push(random.pick(["of nobody", overlongId]));
    if (app.signalSources.length > 0 && random.chance(0.5)) {
      for (const entity of entities) upstream.signal(entity);
      return;
    }
    if (random.chance(faults.loseSignal)) return;
    if (aggregate.busEvent !== undefined && random.chance(0.5)) {
      bus.put(aggregate.busEvent);
      return;
    }
    if (random.chance(faults.aliasSignal)) entities[0] = random.pick(this.#options.aggregates).entity;
    for (const entity of entities) bus.put(encodeBusEvent({ class: "signal", entity }));
  }

  /** Invokes the cron function, and draws the faults of the minute. */
  #everyMinute(): void {
    const { timeline, random, faults } = this.#world;
    const deployment = this.#deployment;
    timeline.after(minuteMs, () => this.#everyMinute());
    const tick = () => timeline.after(random.between(0, 5_000), () => deployment.tick());
    if (!random.chance(faults.loseTick)) tick();
    if (random.chance(faults.doubleTick)) tick();
    const draw = (rate: number, act: () => void) => {
      if (!random.chance(rate)) return;
      timeline.after(random.between(0, minuteMs), () => {
        if (!this.#world.isCalm) act();
      });
    };
    draw(faults.outage, () => this.#goOut());
    draw(faults.trim, () => this.#trim());
    draw(faults.hang, () => this.#hang());
    draw(faults.signalStorm, () => this.#stormSignals());
    draw(faults.operate, () => void this.#operate());
    draw(faults.deploy, async () => {
      if (await deployment.isTakenUp()) deployment.deploy();
    });
  }

  #goOut(): void {
    const { random } = this.#world;
    const { app, upstream } = this.#deployment;
    const share = random.pick([1, 1, random.between(0.2, 0.9)]);
    upstream.goOut(random.pick(Object.keys(app.upstreams)), random.magnitude(2_000, maxOutageMs), share);
  }

  #trim(): void {
    const { random, story } = this.#world;
    const aggregate = random.pick(this.#options.aggregates);
    if (aggregate.isSilent && !this.#options.trimsSilent) return;
    aggregate.trim(random.whole(0, 5));
    story.say("upstream", () => `${aggregate.entity} forgets its first ${aggregate.trimmed} events`);
  }

  #hang(): void {
    const { hanging, random, timeline, story } = this.#world;
    const share = random.pick([0.2, 0.5, 1]);
    const entities = this.#options.aggregates.map(({ entity }) => entity).filter(() => random.chance(share));
    for (const entity of entities) hanging.add(entity);
    story.say("chance", () => `activities of ${entities.join(", ")} hang`);
    timeline.after(random.magnitude(minuteMs, maxHangMs), () => {
      for (const entity of entities) hanging.delete(entity);
    });
  }

  /** Signals without news, for an aggregate, many per second. */
  #stormSignals(): void {
    const { random, timeline, story } = this.#world;
    const { entity } = random.pick(this.#options.aggregates);
    const everyMs = random.magnitude(30, 300);
    const until = timeline.now + random.magnitude(1_000, maxSignalStormMs);
    story.say("chance", () => `signals of ${entity} come each ${Math.round(everyMs)} ms`);
    const next = () => {
      if (timeline.now >= until || this.#world.isCalm) return;
      this.#deployment.bus.put(encodeBusEvent({ class: "signal", entity }));
      timeline.after(everyMs, next);
    };
    next();
  }

  async #operate(): Promise<void> {
    const ports = this.#deployment.portsOf(this.#operator);
    const one = this.#world.random.pick(this.#options.tasks);
    const binding = ports.bindings.of(one.activity);
    try {
      await operate(this.#world, tasksOf(ports), one, one.activity.stream.upstream, () =>
        this.#inspector.mayBeEarly(taskKey(binding, one.address)),
      );
    } catch (error) {
      this.#inspector.fail("simulator", `an operator's act failed: ${error}`, one.activity.name);
    }
  }
}
