import { randomUUID } from "node:crypto";
import type { Clock } from "../../functions/foundation/clock.ts";
import { type AccountRegion, formatArn } from "./arn.ts";
import { EventBus } from "./event-bus.ts";
import {
  type EntryFailure,
  type EventEntry,
  entryBytes,
  entryFailure,
  isComplete,
  parseDetail,
} from "./event-entry.ts";
import type { JsonObject } from "./request-fields.ts";
import { ServiceError } from "./service-error.ts";
import type { TargetDelivery } from "./target-delivery.ts";

export interface EventBridgeOptions {
  readonly clock: Clock;
  readonly accountRegion: AccountRegion;
  readonly delivery: TargetDelivery;
}

export type PutEventsResult = { readonly eventId: string } | EntryFailure;

interface Fault extends EntryFailure {
  readonly matches: (entry: EventEntry) => boolean;
  remaining: number;
}

/** EventBridge User Guide, "Sending events with PutEvents". */
const maxEntries = 10;
const maxBytes = 1_048_576;
const defaultBus = "default";

/** The event buses of one account and region. */
export class EventBridge {
  readonly #options: EventBridgeOptions;
  readonly #buses = new Map<string, EventBus>();
  #faults: Fault[] = [];

  constructor(options: EventBridgeOptions) {
    this.#options = options;
    this.createBus(defaultBus);
  }

  createBus(name: string): EventBus {
    if (this.#buses.has(name)) {
      throw new ServiceError("ResourceAlreadyExistsException", `Event bus ${name} already exists.`);
    }
    const { accountRegion, clock } = this.#options;
    const bus = new EventBus(name, formatArn("events", accountRegion, `event-bus/${name}`), clock.now());
    this.#buses.set(name, bus);
    return bus;
  }

  deleteBus(name: string): void {
    const bus = this.findBus(name);
    if (name === defaultBus || (bus && bus.rules.length > 0)) {
      throw new ServiceError(
        "ValidationException",
        `Event bus ${name} cannot be deleted: it is default, or has rules.`,
      );
    }
    if (bus) this.#buses.delete(bus.name);
  }

  /** The bus of a name or ARN; `default` when absent. */
  findBus(nameOrArn: string = defaultBus): EventBus | undefined {
    for (const bus of this.#buses.values()) if (bus.name === nameOrArn || bus.arn === nameOrArn) return bus;
    return undefined;
  }

  bus(nameOrArn?: string): EventBus {
    const bus = this.findBus(nameOrArn);
    if (bus) return bus;
    throw new ServiceError("ResourceNotFoundException", `Event bus ${nameOrArn} does not exist.`);
  }

  buses(): readonly EventBus[] {
    return [...this.#buses.values()];
  }

  ruleArn(bus: EventBus, ruleName: string): string {
    const path = bus.name === defaultBus ? ruleName : `${bus.name}/${ruleName}`;
    return formatArn("events", this.#options.accountRegion, `rule/${path}`);
  }

  /**
   * Makes entries of later PutEvents calls fail with `errorCode`: the next `which` of them, or the next one for which
   * `which` returns true. A failed entry is not delivered.
   */
  failNext(
    which: number | ((entry: EventEntry) => boolean),
    errorCode: string,
    errorMessage = `Injected ${errorCode}.`,
  ): void {
    const byCount = typeof which === "number";
    this.#faults.push({
      matches: byCount ? () => true : which,
      remaining: byCount ? which : 1,
      errorCode,
      errorMessage,
    });
  }

  /** Publishes 1-10 entries; the results are in the order of the entries. */
  putEvents(entries: readonly EventEntry[]): readonly PutEventsResult[] {
    if (entries.length < 1 || entries.length > maxEntries) {
      throw new ServiceError("ValidationException", `PutEvents takes 1-${maxEntries} entries, got ${entries.length}.`);
    }
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    if (bytes > maxBytes) {
      throw new ServiceError(
        "ValidationException",
        `Total size of the entries in the request is over the limit: ${bytes} bytes, at most ${maxBytes}.`,
      );
    }
    if (!entries.some(isComplete)) {
      throw new ServiceError("ValidationException", "No entry has all of Source, DetailType and Detail.");
    }
    return entries.map((entry) => {
      const failure = entryFailure(entry) ?? this.#injectedFailure(entry);
      if (failure) return { errorCode: failure.errorCode, errorMessage: failure.errorMessage };
      return { eventId: this.publish(entry) };
    });
  }

  /** Delivers a checked entry to the targets of all matching rules; drops it if the bus is unknown, as AWS does. */
  publish(entry: EventEntry): string {
    const event = this.#envelope(entry);
    for (const rule of this.findBus(entry.busName)?.rules ?? []) {
      if (!rule.enabled || !rule.matches(event)) continue;
      for (const { arn, messageGroupId, deadLetterArn } of rule.targets.values()) {
        this.#options.delivery.deliver({
          sourceArn: rule.arn,
          targetArn: arn,
          event,
          ...(messageGroupId === undefined ? {} : { messageGroupId }),
          ...(deadLetterArn === undefined ? {} : { deadLetterArn }),
        });
      }
    }
    return event.id;
  }

  /** The event as targets receive it (EventBridge User Guide, "Event structure reference"). */
  #envelope(entry: EventEntry): JsonObject & { readonly id: string } {
    const { clock, accountRegion } = this.#options;
    return {
      version: "0",
      id: randomUUID(),
      "detail-type": entry.detailType,
      source: entry.source,
      account: accountRegion.account,
      time: new Date(entry.timeMs ?? clock.now()).toISOString().replace(/\.\d{3}Z$/, "Z"),
      region: accountRegion.region,
      resources: entry.resources,
      detail: parseDetail(entry.detail) ?? {},
    };
  }

  #injectedFailure(entry: EventEntry): EntryFailure | undefined {
    const fault = this.#faults.find((one) => one.remaining > 0 && one.matches(entry));
    if (!fault) return undefined;
    fault.remaining -= 1;
    this.#faults = this.#faults.filter((one) => one.remaining > 0);
    return fault;
  }
}
