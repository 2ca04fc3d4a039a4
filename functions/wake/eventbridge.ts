import { type EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import { ConflictException, CreateScheduleCommand, type SchedulerClient } from "@aws-sdk/client-scheduler";
import type { Clock } from "../foundation/clock.ts";
import type { Alarms } from "./alarms.ts";
import { type BatchService, sendBatches, type Unsent } from "./batch-sender.ts";
import type { LeaderName } from "./leader-name.ts";
import { alarmFor, scheduleExpression, scheduleName, scheduleTime } from "./timing.ts";
import { detailTypeOf, detailTypes, encodeDetail, type TaskWake, type WakeMessage, wakeSource } from "./wake.ts";

/** Per-entry errors worth another attempt (AWS: eb-putevents). */
const transientCodes: ReadonlySet<string> = new Set(["ThrottlingException", "InternalFailure"]);

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
    await this.#put(messages.map((message) => this.#entry(detailTypeOf(message), message)));
  }

  async sendAt(wake: TaskWake, at: number): Promise<void> {
    const timed: TaskWake = { ...wake, notBefore: at };
    switch (alarmFor(at, this.#clock.now())) {
      case "now":
        return this.#put([this.#entry(detailTypes.wake, timed)]);
      case "delayQueue":
        return this.#put([this.#entry(detailTypes.delayedWake, timed)]);
      case "schedule":
        return this.#schedule(timed, at, scheduleName(wake, at));
    }
  }

  async sendQuarantined(wake: TaskWake): Promise<void> {
    await this.#put([this.#entry(detailTypes.quarantinedWake, wake)]);
  }

  async startLeader(leader: LeaderName): Promise<void> {
    const DetailType = leader === "signals" ? detailTypes.holdSignals : detailTypes.holdEager;
    const { busName: EventBusName } = this.#settings;
    await this.#put([{ EventBusName, Source: wakeSource, DetailType, Detail: JSON.stringify({ holder: leader }) }]);
  }

  #entry(detailType: string, message: WakeMessage): PutEventsRequestEntry {
    return {
      EventBusName: this.#settings.busName,
      Source: wakeSource,
      DetailType: detailType,
      Detail: encodeDetail(message),
    };
  }

  #put(entries: readonly PutEventsRequestEntry[]): Promise<void> {
    return sendBatches(entries, this.#bus, this.#clock, this.#random);
  }

  readonly #bus: BatchService<PutEventsRequestEntry> = {
    name: "PutEvents",
    entries: "bus events, the first with detail",
    contentOf: ({ Detail }) => Detail ?? "",
    send: async (entries) => {
      const { Entries: results = [] } = await this.#events.send(new PutEventsCommand({ Entries: [...entries] }));
      return entries.flatMap((entry, i): Unsent<PutEventsRequestEntry>[] => {
        const { ErrorCode: code, ErrorMessage: message = "" } = results[i] ?? {};
        return code ? [{ entry, code, message, isTransient: transientCodes.has(code) }] : [];
      });
    },
  };

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
      if (!(error instanceof ConflictException)) throw error;
    }
  }
}
