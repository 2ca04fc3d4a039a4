import { randomUUID } from "node:crypto";
import type { Clock } from "../../functions/foundation/clock.ts";
import { type AccountRegion, formatArn } from "./arn.ts";
import type { EventBridge } from "./eventbridge.ts";
import { Schedule } from "./schedule.ts";
import { defaultGroup, type ScheduleDefinition } from "./schedule-definition.ts";
import { ServiceError } from "./service-error.ts";
import type { TargetDelivery } from "./target-delivery.ts";

export interface SchedulerOptions {
  readonly clock: Clock;
  readonly accountRegion: AccountRegion;
  readonly eventBridge: EventBridge;
  readonly delivery: TargetDelivery;
  /** Schedules fire up to this many milliseconds after they are due; AWS promises 60,000. */
  readonly precisionMs: number;
}

export interface ScheduleGroup {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
}

/** The schedules of one account and region. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #groups = new Map<string, ScheduleGroup>();
  readonly #schedules = new Map<string, Schedule>();
  readonly #stopping = new Set<Promise<void>>();
  #closed = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.createGroup(defaultGroup);
  }

  createGroup(name: string): ScheduleGroup {
    if (this.#groups.has(name))
      throw new ServiceError("ConflictException", `Schedule group ${name} already exists.`, 409);
    const { accountRegion, clock } = this.#options;
    const group = {
      name,
      arn: formatArn("scheduler", accountRegion, `schedule-group/${name}`),
      createdAt: clock.now(),
    };
    this.#groups.set(name, group);
    return group;
  }

  group(name: string): ScheduleGroup {
    const group = this.#groups.get(name);
    if (group) return group;
    throw new ServiceError("ResourceNotFoundException", `Schedule group ${name} does not exist.`, 404);
  }

  /** Deletes a group with all its schedules. */
  deleteGroup(name: string): void {
    if (name === defaultGroup) throw new ServiceError("ValidationException", "The default group cannot be deleted.");
    this.group(name);
    for (const schedule of this.schedules()) if (schedule.definition.groupName === name) this.#remove(schedule);
    this.#groups.delete(name);
  }

  groups(): readonly ScheduleGroup[] {
    return [...this.#groups.values()];
  }

  /** Creates a schedule. A repeated `clientToken` is a retry of the same request and changes nothing. */
  create(definition: ScheduleDefinition, clientToken?: string): Schedule {
    const { clock, accountRegion } = this.#options;
    const { name, groupName } = definition;
    this.group(groupName);
    const existing = this.#schedules.get(keyOf(groupName, name));
    if (existing && clientToken !== undefined && existing.clientToken === clientToken) return existing;
    if (existing) throw new ServiceError("ConflictException", `Schedule ${name} already exists.`, 409);
    this.#refusePast(definition);
    const arn = formatArn("scheduler", accountRegion, `schedule/${groupName}/${name}`);
    const schedule = new Schedule(arn, definition, clock.now(), clientToken);
    this.#schedules.set(keyOf(groupName, name), schedule);
    this.#start(schedule);
    return schedule;
  }

  /** Replaces the whole definition of a schedule. */
  update(definition: ScheduleDefinition): Schedule {
    const schedule = this.schedule(definition.name, definition.groupName);
    this.#refusePast(definition);
    schedule.definition = definition;
    schedule.modifiedAt = this.#options.clock.now();
    this.#start(schedule);
    return schedule;
  }

  schedule(name: string, groupName: string = defaultGroup): Schedule {
    const schedule = this.#schedules.get(keyOf(groupName, name));
    if (schedule) return schedule;
    throw new ServiceError("ResourceNotFoundException", `Schedule ${name} does not exist.`, 404);
  }

  delete(name: string, groupName?: string): void {
    this.#remove(this.schedule(name, groupName));
  }

  schedules(): readonly Schedule[] {
    return [...this.#schedules.values()];
  }

  /** Stops all schedules and waits until their loops have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const schedule of this.schedules()) this.#remove(schedule);
    await Promise.all(this.#stopping);
  }

  #remove(schedule: Schedule): void {
    const { groupName, name } = schedule.definition;
    this.#schedules.delete(keyOf(groupName, name));
    const stopping = schedule.stop().finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }

  #refusePast(definition: ScheduleDefinition): void {
    const now = this.#options.clock.now();
    const { expression, expressionText, endMs } = definition;
    if (expression.kind === "at" && expression.next(now - 1, now) === undefined) {
      throw new ServiceError(
        "ValidationException",
        `Invalid Schedule Expression ${expressionText}: it is before now, ${new Date(now).toISOString()}.`,
      );
    }
    if (expression.kind !== "at" && endMs !== undefined && endMs <= now) {
      throw new ServiceError("ValidationException", `EndDate ${new Date(endMs).toISOString()} is not in the future.`);
    }
  }

  #start(schedule: Schedule): void {
    if (this.#closed) return;
    const { clock, precisionMs } = this.#options;
    schedule.start({
      clock,
      delayMs: () => Math.floor(Math.random() * precisionMs),
      fire: (fired, dueMs) => this.#fire(fired, dueMs),
      complete: (completed) => {
        if (completed.definition.deleteAfterCompletion) this.#remove(completed);
      },
    });
  }

  #fire(schedule: Schedule, dueMs: number): void {
    const { delivery, eventBridge } = this.#options;
    const { target } = schedule.definition;
    const input = this.#inputOf(schedule, dueMs);
    const common = {
      sourceArn: schedule.arn,
      targetArn: target.arn,
      ...(target.messageGroupId === undefined ? {} : { messageGroupId: target.messageGroupId }),
      ...(target.deadLetterArn === undefined ? {} : { deadLetterArn: target.deadLetterArn }),
    };
    if (!target.eventBridge) {
      delivery.deliver({ ...common, event: target.kind === "lambda" ? JSON.parse(input) : input });
    } else if (eventBridge.findBus(target.arn)) {
      const { source, detailType } = target.eventBridge;
      eventBridge.publish({ source, detailType, detail: input, busName: target.arn, resources: [schedule.arn] });
    } else {
      delivery.fail({ ...common, event: input }, new Error(`The event bus ${target.arn} does not exist.`));
    }
  }

  /** The target's input with its context attributes filled in, or the default event when the caller set none. */
  #inputOf(schedule: Schedule, dueMs: number): string {
    const { clock, accountRegion } = this.#options;
    const { input, eventBridge } = schedule.definition.target;
    const time = new Date(dueMs).toISOString().replace(/\.\d{3}Z$/, "Z");
    if (input !== undefined) {
      return input
        .replaceAll("<aws.scheduler.scheduled-time>", time)
        .replaceAll("<aws.scheduler.execution-id>", randomUUID())
        .replaceAll("<aws.scheduler.attempt-number>", "1")
        .replaceAll("<aws.scheduler.schedule-arn>", schedule.arn);
    }
    if (eventBridge) return "{}";
    return JSON.stringify({
      version: "0",
      id: randomUUID(),
      "detail-type": "Scheduled Event",
      source: "aws.scheduler",
      account: accountRegion.account,
      time: new Date(clock.now()).toISOString().replace(/\.\d{3}Z$/, "Z"),
      region: accountRegion.region,
      resources: [schedule.arn],
      detail: "{}",
    });
  }
}

function keyOf(groupName: string, name: string): string {
  return `${groupName}/${name}`;
}
