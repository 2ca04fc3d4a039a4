import { describeValue, TailwakeError } from "../contract/error.ts";
import { latestTime } from "../contract/outcome.ts";
import { isUtf8 } from "../foundation/text.ts";
import type { TaskKey } from "../tasks/record.ts";
import { expectedVersion, versionAttribute } from "../tasks/record-version.ts";
import type { AcquireRule } from "../tasks/transitions.ts";

/**
 * Why a task is woken, and which tasks the wake may acquire (protocol rule 3):
 *
 * | class    | is news | acquires a sleeping lazy task | acquires a retrying task early | only under its own fence |
 * |----------|---------|-------------------------------|--------------------------------|--------------------------|
 * | start    | no      | no                            | no                             | yes                      |
 * | signal   | yes     | yes                           | if `signalsCutWaits`           | no                       |
 * | child    | no      | no                            | no                             | no                       |
 * | operator | yes     | yes                           | yes                            | no                       |
 * | probe    | no      | yes                           | no                             | no                       |
 * | timer    | no      | no                            | no                             | yes                      |
 * | handOver | no      | no                            | no                             | yes                      |
 * | rescue   | no      | no                            | no                             | no                       |
 *
 * News that arrives while the task runs makes the run go on. The other classes are Tailwake's own alarms: a late or
 * duplicated one must not cause another run. That a child has completed is in the record before its wake is sent.
 */
export type WakeClass = "start" | "signal" | "child" | "operator" | "probe" | "timer" | "handOver" | "rescue";

/** Wakes one task. */
export interface TaskWake {
  readonly class: WakeClass;
  readonly key: TaskKey;
  /** The record's fence when the wake was made; set for `start`, `timer` and `handOver`. */
  readonly fence?: number;
  /** The task must not be acquired before this time, in milliseconds since 1970. */
  readonly notBefore?: number;
  /** The token of a run that has ended without a commit: its lease may be acquired at once. */
  readonly ended?: string;
}

/** A hint that an aggregate has news: wakes every lazy task that follows it. */
export interface Signal {
  readonly class: "signal";
  readonly entity: string;
  /** Only tasks of this kind; absent for all tasks that follow the entity. */
  readonly kind?: string;
}

export type WakeMessage = TaskWake | Signal;

export function isSignal(message: WakeMessage): message is Signal {
  return "entity" in message;
}

interface ClassRule {
  readonly news: boolean;
  readonly sleeping: boolean;
  readonly early: "no" | "ifSignalsCutWaits" | "yes";
  readonly fenced: boolean;
}

const rules: { readonly [C in WakeClass]: ClassRule } = {
  start: { news: false, sleeping: false, early: "no", fenced: true },
  signal: { news: true, sleeping: true, early: "ifSignalsCutWaits", fenced: false },
  child: { news: false, sleeping: false, early: "no", fenced: false },
  operator: { news: true, sleeping: true, early: "yes", fenced: false },
  probe: { news: false, sleeping: true, early: "no", fenced: false },
  timer: { news: false, sleeping: false, early: "no", fenced: true },
  handOver: { news: false, sleeping: false, early: "no", fenced: true },
  rescue: { news: false, sleeping: false, early: "no", fenced: false },
};

/** True if a wake of this class raises the record's `wakeCount`. */
export const isNews = (wakeClass: WakeClass): boolean => rules[wakeClass].news;

/** The rule under which a wake acquires its task. */
export function acquireRuleOf(wake: TaskWake, signalsCutWaits: boolean): AcquireRule {
  const { sleeping, early, fenced } = rules[wake.class];
  return {
    sleeping,
    early: early === "yes" || (early === "ifSignalsCutWaits" && signalsCutWaits),
    fence: fenced ? wake.fence : undefined,
  };
}

/** The `detail-type`s of Tailwake's own bus events; rules match them. */
export const detailTypes = {
  signal: "Signal",
  wake: "Wake",
  delayedWake: "DelayedWake",
  /** Goes through the quarantine queue, whose messages are delivered one at a time. */
  quarantinedWake: "LonelyWake",
  holdSignals: "HoldSignals",
  holdEager: "HoldEager",
} as const;
/** The detail types that carry a wake of one task. */
const wakeTypes: readonly string[] = [detailTypes.wake, detailTypes.delayedWake, detailTypes.quarantinedWake];
/** The `source` of Tailwake's own bus events. */
export const wakeSource = "tailwake";

/** The `detail-type` of the bus event that carries a message to be delivered now. */
export const detailTypeOf = (message: WakeMessage): string =>
  isSignal(message) ? detailTypes.signal : detailTypes.wake;

/** The `detail` of the bus event that carries a message. */
export function encodeDetail(message: WakeMessage): string {
  if (isSignal(message)) return JSON.stringify({ entity: message.entity, kind: message.kind });
  const { key, ...rest } = message;
  // A caller may give a record for a key. Its `notBefore` and `fence` are none of the wake's.
  const { entity, kind, activity } = key;
  return JSON.stringify({ ...rest, entity, kind, activity });
}

/**
 * The fields of a `detail` of Tailwake's own. Throws a `TailwakeError` ("malformed-message") for one of a later
 * version.
 */
export function ownFields(detail: unknown): Readonly<Record<string, unknown>> {
  const fields = typeof detail === "object" && detail !== null ? (detail as Record<string, unknown>) : {};
  const version = fields[versionAttribute];
  if (version !== undefined) throw malformed(`detail.${versionAttribute}`, expectedVersion, version);
  return fields;
}

/** The limit of an entity id: a longer name would not fit into the table's key. */
const maxNameBytes = 1_024;

/** Reads a `detail` of Tailwake's own. Throws a `TailwakeError` ("malformed-message") that names the field. */
export function decodeDetail(detailType: string, detail: unknown): WakeMessage {
  const fields = ownFields(detail);
  const text = (name: string): string => {
    const value = fields[name];
    const fits = typeof value === "string" && value !== "" && Buffer.byteLength(value) <= maxNameBytes && isUtf8(value);
    if (fits) return value;
    throw malformed(`detail.${name}`, `a string of 1 to ${maxNameBytes} bytes of UTF-8`, value);
  };
  const number = (name: string, max: number): number => {
    const value = fields[name];
    if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max) return value as number;
    throw malformed(`detail.${name}`, `a whole number from 0 to ${max}`, value);
  };
  if (detailType === detailTypes.signal) {
    const entity = text("entity");
    return { class: "signal", entity, ...(fields.kind === undefined ? {} : { kind: text("kind") }) };
  }
  if (!wakeTypes.includes(detailType)) {
    throw malformed("detail-type", `one of ${[detailTypes.signal, ...wakeTypes].join(", ")}`, detailType);
  }
  const wakeClass = text("class");
  if (!Object.hasOwn(rules, wakeClass)) {
    throw malformed("detail.class", `one of ${Object.keys(rules).join(", ")}`, wakeClass);
  }
  const fenced = rules[wakeClass as WakeClass].fenced;
  return {
    class: wakeClass as WakeClass,
    key: { entity: text("entity"), kind: text("kind"), activity: text("activity") },
    ...(fenced ? { fence: number("fence", Number.MAX_SAFE_INTEGER) } : {}),
    ...(fields.notBefore === undefined ? {} : { notBefore: number("notBefore", latestTime) }),
    ...(fields.ended === undefined ? {} : { ended: text("ended") }),
  };
}

export function malformed(subject: string, expected: string, received: unknown): TailwakeError {
  return new TailwakeError({ code: "malformed-message", subject, expected, received: describeValue(received) });
}
