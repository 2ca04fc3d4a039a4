import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { ConflictException, CreateScheduleCommand, type SchedulerClient } from "@aws-sdk/client-scheduler";
import { describeError } from "../contract/error.ts";
import type { Clock } from "../foundation/clock.ts";
import type { Alarms } from "./alarms.ts";
import { type BatchService, sendBatches, type Unsent, UnsentError } from "./batch-sender.ts";
import type { LeaderName } from "./leader-name.ts";
import { alarmFor, scheduleExpression, scheduleName, scheduleTime } from "./timing.ts";
import { detailTypeOf, detailTypes, encodeDetail, type TaskWake, type WakeMessage, wakeSource } from "./wake.ts";

/** An account that is throttled, of an entry or of a call as a whole. */
const throttlingCodes: ReadonlySet<string> = new Set(["ThrottlingException"]);
/** Per-entry errors worth another attempt (AWS: eb-putevents). */
const transientCodes: ReadonlySet<string> = new Set([...throttlingCodes, "InternalFailure"]);

export interface EventBridgeSettings {
  readonly busName: string;
  /** One-time schedules put their event on this bus, with the role below. */
  readonly busArn: string;
  readonly scheduleGroup: string;
  readonly scheduleRoleArn: string;
}

/**
 * Alarms on AWS. A message goes over the bus now, a wake within a minute over the bus into the delay queue, and a later
 * wake through a one-time schedule that deletes itself.
 */
export class EventBridgeAlarms implements Alarms {
  readonly #events: EventBridgeClient;
  readonly #scheduler: SchedulerClient;
  readonly #settings: EventBridgeSettings;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(
    clients: { readonly events: EventBridgeClient; readonly scheduler: SchedulerClient },
    settings: EventBridgeSettings,
    clock: Clock,
    random: () => number = Math.random,
  ) {
    this.#events = clients.events;
    this.#scheduler = clients.scheduler;
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
  }

  async send(messages: readonly WakeMessage[]): Promise<void> {
    await this.#put(messages, detailTypeOf, encodeDetail);
  }

  async sendAt(wake: TaskWake, at: number): Promise<void> {
    const timed: TaskWake = { ...wake, notBefore: at };
    switch (alarmFor(at, this.#clock.now())) {
      case "now":
        return this.#put([timed], () => detailTypes.wake, encodeDetail);
      case "delayQueue":
        return this.#put([timed], () => detailTypes.delayedWake, encodeDetail);
      case "schedule":
        return this.#schedule(timed, at, scheduleName(wake, at));
    }
  }

  async sendQuarantined(wake: TaskWake): Promise<void> {
    await this.#put([wake], () => detailTypes.quarantinedWake, encodeDetail);
  }

  async startLeader(leader: LeaderName): Promise<void> {
    const detailType = leader === "signals" ? detailTypes.holdSignals : detailTypes.holdEager;
    await this.#put(
      [leader],
      () => detailType,
      (holder) => JSON.stringify({ holder }),
    );
  }

  #put<E>(entries: readonly E[], detailType: (entry: E) => string, detail: (entry: E) => string): Promise<void> {
    const bus: BatchService<E> = {
      name: "PutEvents",
      entries: "bus events, the first with detail",
      contentOf: detail,
      throttlingCodes,
      send: async (call) => {
        const Entries = call.map((entry) => ({
          EventBusName: this.#settings.busName,
          Source: wakeSource,
          DetailType: detailType(entry),
          Detail: detail(entry),
        }));
        const { Entries: results = [] } = await this.#events.send(new PutEventsCommand({ Entries }));
        return call.flatMap((entry, i): Unsent<E>[] => {
          const { ErrorCode: code, ErrorMessage: message = "" } = results[i] ?? {};
          return code ? [{ entry, code, message, isTransient: transientCodes.has(code) }] : [];
        });
      },
    };
    return sendBatches(entries, bus, this.#clock, this.#random);
  }

  async #schedule(wake: TaskWake, at: number, name: string): Promise<void> {
    const { busArn, scheduleGroup, scheduleRoleArn } = this.#settings;
    try {
      await this.#scheduler.send(
        new CreateScheduleCommand({
          Name: name,
          GroupName: scheduleGroup,
          ScheduleExpression: scheduleExpression(scheduleTime(at)),
          ActionAfterCompletion: "DELETE",
          FlexibleTimeWindow: { Mode: "OFF" },
          Target: {
            Arn: busArn,
            RoleArn: scheduleRoleArn,
            EventBridgeParameters: { Source: wakeSource, DetailType: detailTypes.wake },
            Input: encodeDetail(wake),
          },
        }),
      );
    } catch (error) {
      // The schedule of this wake exists already: its name is the same.
      if (error instanceof ConflictException) return;
      throw new UnsentError(
        {
          subject: `schedule ${name}, with detail ${encodeDetail(wake)}`,
          expected: "CreateSchedule to accept it",
          received: error instanceof Error ? `${error.name}: ${describeError(error)}` : describeError(error),
          cause: error,
        },
        [wake],
      );
    }
  }
}
