import { TailwakeError } from "../../contract/error.ts";
import type { Alarms } from "../../wake/alarms.ts";
import { type BatchService, sendBatches } from "../../wake/batch-sender.ts";
import { encodeBusEvent } from "../../wake/envelope.ts";
import type { LeaderName } from "../../wake/leader-name.ts";
import { alarmFor, scheduleName, scheduleTime } from "../../wake/timing.ts";
import type { TaskWake, WakeMessage } from "../../wake/wake.ts";
import type { SimulatedFunction } from "./function.ts";
import type { SimulatedProcess } from "./process.ts";
import type { SimulatedQueue } from "./queue.ts";
import type { SimulatedWorld } from "./world.ts";

/** The targets of the bus's rules. */
export interface BusTargets {
  readonly wakes: SimulatedQueue;
  readonly delayed: SimulatedQueue;
  readonly quarantine: SimulatedQueue;
  readonly signals: SimulatedFunction;
  readonly eager: SimulatedFunction;
}

/** A one-time schedule fires within a minute of its time. */
const schedulePrecisionMs = 60_000;
/** A schedule that is further away than this is not waited for. */
const soonMs = 30 * 60_000;

/** EventBridge and its Scheduler. An event reaches its target once, late, twice or never. */
export class SimulatedBus {
  readonly #world: SimulatedWorld;
  readonly #targets: BusTargets;
  readonly #losesProbes: boolean;
  readonly #onLost: ((body: string) => void) | undefined;
  /** The time of each schedule, by its name. */
  readonly #schedules = new Map<string, number>();
  /** Number of events put on the bus. */
  events = 0;
  #underWay = 0;

  constructor(
    world: SimulatedWorld,
    targets: BusTargets,
    /** `losesProbes`: no wake of a probe arrives. `onLost` is called for an event that is lost on its way to a queue. */
    options: { readonly losesProbes: boolean; readonly onLost?: (body: string) => void },
  ) {
    this.#onLost = options.onLost;
    this.#losesProbes = options.losesProbes;
    this.#world = world;
    this.#targets = targets;
  }

  /** Number of events that have not arrived yet, and of schedules that are soon due. */
  get underWay(): number {
    const soon = this.#world.timeline.now + soonMs;
    return this.#underWay + [...this.#schedules.values()].filter((time) => time < soon).length;
  }

  /** The bus as a process uses it. */
  alarmsOf(process: SimulatedProcess): Alarms {
    return {
      send: (messages) =>
        sendBatches(messages, this.#serviceFor(process), process.clock, () => this.#world.random.next()),
      sendAt: (wake, at) =>
        process.call(`put ${wake.class} for later`, () => this.#putAt(wake, at, process.clock.now()), notSent),
      sendQuarantined: (wake) =>
        process.call(
          "put a quarantined wake",
          () => this.#deliver(this.#targets.quarantine, encodeBusEvent(wake)),
          notSent,
        ),
      startLeader: (leader) => process.call(`start ${leader}`, () => this.startLeader(leader), notSent),
    };
  }

  #serviceFor(process: SimulatedProcess): BatchService<WakeMessage> {
    return {
      name: "PutEvents",
      entries: "bus events, the first with detail",
      contentOf: (message) => encodeBusEvent(message),
      throttlingCodes: new Set(["ThrottlingException"]),
      send: (messages) =>
        process.call(
          `put ${messages.length} events`,
          () => {
            for (const message of messages) {
              if (!this.#losesProbes || message.class !== "probe") this.put(encodeBusEvent(message));
            }
            return [];
          },
          (text) => Object.assign(notSent(text), text === "throttled" && { name: "ThrottlingException" }),
        ),
    };
  }

  /** Puts an event on the bus, as an app's services do. */
  put(body: string): void {
    this.#world.story.say("bus", () => body.slice(0, 300));
    this.#deliver(this.#targets.wakes, body);
  }

  startLeader(leader: LeaderName): void {
    const target = leader === "signals" ? this.#targets.signals : this.#targets.eager;
    const detail = { source: "tailwake", "detail-type": "Hold", detail: { holder: leader } };
    this.#onItsWay(() => void target.invoke(detail));
  }

  #putAt(wake: TaskWake, at: number, now: number): void {
    const body = encodeBusEvent({ ...wake, notBefore: at } satisfies WakeMessage);
    switch (alarmFor(at, now)) {
      case "now":
        this.put(body);
        break;
      case "delayQueue":
        this.#deliver(this.#targets.delayed, body);
        break;
      case "schedule":
        this.#schedule(scheduleName(wake, at), scheduleTime(at), body);
    }
  }

  /** A schedule with the name of an existing one is that schedule. */
  #schedule(name: string, time: number, body: string): void {
    if (this.#schedules.has(name)) return;
    this.#schedules.set(name, time);
    const { timeline, random } = this.#world;
    timeline.at(time + random.between(0, schedulePrecisionMs), () => {
      this.#schedules.delete(name);
      this.put(body);
    });
  }

  #deliver(queue: SimulatedQueue, body: string): void {
    this.#onItsWay(
      () => queue.send(body),
      () => this.#onLost?.(body),
    );
  }

  #onItsWay(arrive: () => void, lost: () => void = () => {}): void {
    const { timeline, random, faults } = this.#world;
    this.events++;
    if (random.chance(faults.loseMessage)) {
      lost();
      return;
    }
    const lateMs = () =>
      random.magnitude(5, 300) + (random.chance(faults.delayMessage) ? random.between(1_000, 120_000) : 0);
    const send = () => {
      this.#underWay++;
      timeline.after(lateMs(), () => {
        this.#underWay--;
        arrive();
      });
    };
    send();
    if (random.chance(faults.doubleMessage)) send();
  }
}

const notSent = (text: string): TailwakeError =>
  new TailwakeError({ code: "wake-failed", subject: "bus", expected: "to accept the events", received: text });
