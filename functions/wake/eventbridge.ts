import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
  type PutEventsResultEntry,
} from "@aws-sdk/client-eventbridge";
import { ConflictException, CreateScheduleCommand, type SchedulerClient } from "@aws-sdk/client-scheduler";
import type { Clock } from "../contract/clock.ts";
import { TailwakeError } from "../contract/error.ts";
import type { HolderName } from "./holder-name.ts";
import { alarmFor, scheduleExpression, scheduleName, scheduleTime } from "./timing.ts";
import { detailTypes, encodeDetail, isSignal, type TaskWake, type WakeMessage, wakeSource } from "./wake.ts";
import type { Wakes } from "./wakes.ts";

/** PutEvents takes at most ten entries (AWS: PutEvents API reference). */
const entriesPerCall = 10;
/** A storm of signals must not wait for one round trip after the other. */
const callsAtOnce = 8;
const triesPerEntry = 4;
const firstWaitMs = 50;
/** Per-entry errors worth another try (AWS: eb-putevents). */
const transientCodes: ReadonlySet<string | undefined> = new Set(["ThrottlingException", "InternalFailure"]);

export interface EventBridgeSettings {
  readonly busName: string;
  /** One-time schedules put their event on the bus, with this role. */
  readonly busArn: string;
  readonly scheduleGroup: string;
  readonly scheduleRoleArn: string;
}

/**
 * The alarm clocks on AWS: bus events now, bus events into the delay queue within a minute, and one-time schedules that
 * delete themselves later on.
 */
export class EventBridgeWakes implements Wakes {
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
    await this.#put(
      messages.map((message) => this.#entry(isSignal(message) ? detailTypes.signal : detailTypes.wake, message)),
    );
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

  async sendAlone(wake: TaskWake): Promise<void> {
    await this.#put([this.#entry(detailTypes.lonelyWake, wake)]);
  }

  async startHolder(holder: HolderName): Promise<void> {
    const DetailType = holder === "signals" ? detailTypes.holdSignals : detailTypes.holdEager;
    const { busName: EventBusName } = this.#settings;
    await this.#put([{ EventBusName, Source: wakeSource, DetailType, Detail: JSON.stringify({ holder }) }]);
  }

  #entry(detailType: string, message: WakeMessage): PutEventsRequestEntry {
    return {
      EventBusName: this.#settings.busName,
      Source: wakeSource,
      DetailType: detailType,
      Detail: encodeDetail(message),
    };
  }

  /** What the service refuses must not keep the rest from being sent: it is thrown at the end. */
  async #put(entries: readonly PutEventsRequestEntry[]): Promise<void> {
    const refused: Unsent[] = [];
    let from = 0;
    const caller = async () => {
      while (from < entries.length) {
        const call = entries.slice(from, from + entriesPerCall);
        from += entriesPerCall;
        refused.push(...(await this.#putTen(call)));
      }
    };
    await Promise.all(Array.from({ length: callsAtOnce }, caller));
    if (refused.length > 0) throw unsent(refused);
  }

  /** A 200 is no receipt: each entry has its own result, and only those that failed are sent again. */
  async #putTen(entries: PutEventsRequestEntry[]): Promise<readonly Unsent[]> {
    const refused: Unsent[] = [];
    let pending = entries;
    for (let attempt = 1; ; attempt++) {
      const { Entries: results = [] } = await this.#events.send(new PutEventsCommand({ Entries: pending }));
      const failures = pending.flatMap((entry, i) => (results[i]?.ErrorCode ? [{ entry, result: results[i] }] : []));
      const isTransient = ({ result }: Unsent) => transientCodes.has(result.ErrorCode);
      refused.push(...failures.filter((failure) => !isTransient(failure)));
      const again = failures.filter(isTransient);
      if (again.length === 0) return refused;
      if (attempt === triesPerEntry) return [...refused, ...again];
      pending = again.map(({ entry }) => entry);
      await this.#clock.sleep(firstWaitMs * 2 ** (attempt - 1) * (0.5 + this.#random() / 2));
    }
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
      // The same task under the same fence, or for the same reason: the schedule is there already.
      if (!(error instanceof ConflictException)) throw error;
    }
  }
}

interface Unsent {
  readonly entry: PutEventsRequestEntry;
  readonly result: PutEventsResultEntry;
}

function unsent(failures: readonly Unsent[]): TailwakeError {
  const codes = [...new Set(failures.map(({ result }) => `${result.ErrorCode}: ${result.ErrorMessage ?? ""}`))];
  return new TailwakeError({
    code: "wake-failed",
    subject: `${failures.length} bus events, the first with detail ${failures[0]?.entry.Detail ?? ""}`,
    expected: "PutEvents to accept them",
    received: codes.join("; "),
  });
}
