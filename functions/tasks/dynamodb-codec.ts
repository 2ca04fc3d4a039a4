import { createHash } from "node:crypto";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { describeValue, TailwakeError } from "../contract/error.ts";
import { isTail } from "../contract/tail.ts";
import { type Attribute, dueShard, dueShards, type TaskKey, type TaskRecord, taskName } from "./record.ts";
import { expectedVersion, versionAttribute } from "./record-version.ts";

/** Names that the table's definition and this adapter share. */
export const tableKeys = { partition: "pk", sort: "sk" } as const;
export const dueIndex = { name: "due", partition: "dueShard", sort: "due" } as const;
/** Projects, besides the keys, the attributes that a leader compares with its runs. */
export const eagerIndex = { name: "eager", partition: "eagerBucket", attributes: ["fence", "wakes"] } as const;

type Shape =
  | "text"
  | "count"
  | "time"
  | "flag"
  | "names"
  | "tail"
  | "address"
  | "error"
  | "intervention"
  | "status"
  | "engine";

/** The shape of each attribute of a record. */
const shapes: { readonly [A in Attribute]-?: Shape } = {
  address: "address",
  engine: "engine",
  status: "status",
  paused: "flag",
  tail: "tail",
  acted: "tail",
  actedAhead: "flag",
  wakeCount: "count",
  token: "text",
  leaseUntil: "time",
  lastToken: "text",
  step: "count",
  fence: "count",
  notBefore: "time",
  attempts: "count",
  strikes: "count",
  rescues: "count",
  error: "error",
  awaited: "flag",
  waiters: "names",
  awaiting: "flag",
  childDone: "flag",
  actAsked: "flag",
  due: "time",
  view: "text",
  viewRef: "text",
  viewVersion: "count",
  tailSeenAt: "time",
  runs: "text",
  intervention: "intervention",
  eagerBucket: "text",
  startedAt: "time",
};

/** Attributes whose name in the table differs from the name in the code, so that stored records stay readable. */
const storedNames: { readonly [A in Attribute]?: string } = { wakeCount: "wakes" };
export const storedName = (attribute: Attribute): string => storedNames[attribute] ?? attribute;

const required: readonly Attribute[] = [
  "address",
  "engine",
  "status",
  "tail",
  "wakeCount",
  "fence",
  "attempts",
  "startedAt",
];
const statuses: readonly string[] = ["ready", "running", "sleeping", "retrying", "parked", "completed"];
const engines: readonly string[] = ["lazy", "cron", "eager"];

/** Tasks of one entity share a partition; kinds and activities have no "#" in their names. */
export function taskItemKey(key: TaskKey): Record<string, AttributeValue> {
  return {
    [tableKeys.partition]: { S: taskPartition(key.entity) },
    [tableKeys.sort]: { S: `${key.kind}#${key.activity}` },
  };
}

export const taskPartition = (entity: string): string => `task#${entity}`;

/** Views have partitions of their own, so that a signal's Query does not read them. */
export function viewItemKey(key: TaskKey, name: string): Record<string, AttributeValue> {
  return {
    [tableKeys.partition]: { S: `view#${key.entity}` },
    [tableKeys.sort]: { S: `${key.kind}#${key.activity}#${name}` },
  };
}

/**
 * The waiters of a task are items of one partition. A name may be longer than a sort key: its hash is the key, and the
 * name an attribute.
 */
export function waiterItemKey(of: TaskKey, waiter: string): Record<string, AttributeValue> {
  const hash = createHash("sha256").update(waiter).digest("hex");
  return { [tableKeys.partition]: { S: waiterPartition(of) }, [tableKeys.sort]: { S: hash } };
}

export const waiterPartition = (of: TaskKey): string => `waiters#${taskName(of)}`;

/** A control document has a partition of its own. */
export function controlItemKey(name: string): Record<string, AttributeValue> {
  return { [tableKeys.partition]: { S: `control#${name}` }, [tableKeys.sort]: { S: "document" } };
}

/** The index partition of a task: `due#00` to `due#31`. */
export const duePartition = (shard: number): string => `due#${String(shard % dueShards).padStart(2, "0")}`;
export const duePartitionOf = (key: TaskKey): string => duePartition(dueShard(key));

/** The key in an item or an index entry; undefined if the item is not a task. */
export function decodeKey(item: Record<string, AttributeValue>): TaskKey | undefined {
  const partition = item[tableKeys.partition]?.S ?? "";
  const [kind, activity, ...more] = item[tableKeys.sort]?.S?.split("#") ?? [];
  if (!partition.startsWith("task#") || !kind || !activity || more.length > 0) return undefined;
  return { entity: partition.slice("task#".length), kind, activity };
}

export function encodeValue(value: unknown): AttributeValue {
  if (typeof value === "string") return { S: value };
  if (typeof value === "number") return { N: String(value) };
  if (typeof value === "boolean") return { BOOL: value };
  if (Array.isArray(value)) return { SS: value as string[] };
  return { M: Object.fromEntries(Object.entries(value as object).map(([name, field]) => [name, encodeValue(field)])) };
}

/**
 * The record version of an item that a later version wrote; undefined for an item of this version. Do not change such
 * an item: its other attributes may have another meaning.
 */
export function laterVersion(item: Record<string, AttributeValue>): string | undefined {
  const stored = item[versionAttribute];
  return stored && (stored.N ?? stored.S ?? "no number");
}

/**
 * Decodes a record. Ignores unknown attributes, which a newer version may have written. Throws a `TailwakeError`
 * ("malformed-record") that names the attribute, or the version if it is a later one.
 */
export function decodeRecord(item: Record<string, AttributeValue>): TaskRecord {
  const key = decodeKey(item);
  const name = `record ${item[tableKeys.partition]?.S ?? "?"} ${item[tableKeys.sort]?.S ?? "?"}`;
  const record: Record<string, unknown> = { rescues: 0, strikes: 0, ...key };
  const malformed = (attribute: string, expected: string, received: unknown) =>
    unreadable(`${name}, attribute ${attribute}`, expected, describeValue(received));
  const version = laterVersion(item);
  if (version !== undefined) throw unreadable(`${name}, attribute ${versionAttribute}`, expectedVersion, version);
  if (!key) throw malformed("sk", "kind#activity", item[tableKeys.sort]?.S);
  for (const [attribute, shape] of Object.entries(shapes) as [Attribute, Shape][]) {
    const name = storedName(attribute);
    const stored = item[name];
    if (stored === undefined) {
      if (required.includes(attribute)) throw malformed(name, shape, undefined);
      continue;
    }
    const value = decodeValue(stored);
    if (!fits(shape, value)) throw malformed(name, `a ${shape}`, value);
    record[attribute] = value;
  }
  return record as unknown as TaskRecord;
}

function unreadable(subject: string, expected: string, received: string): TailwakeError {
  return new TailwakeError({ code: "malformed-record", subject, expected, received });
}

function decodeValue(value: AttributeValue): unknown {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.SS !== undefined) return [...value.SS].sort();
  if (value.M !== undefined) {
    return Object.fromEntries(Object.entries(value.M).map(([name, field]) => [name, decodeValue(field)]));
  }
  return undefined;
}

function fits(shape: Shape, value: unknown): boolean {
  switch (shape) {
    case "text":
      return isText(value);
    case "count":
    case "time":
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case "flag":
      return value === true;
    case "names":
      return Array.isArray(value);
    case "tail":
      return isTail(value);
    case "status":
      return statuses.includes(value as string);
    case "engine":
      return engines.includes(value as string);
    case "address":
      return isMap(value) && Object.values(value).every(isText);
    case "intervention":
      return isMap(value) && isText(value.action) && isText(value.reason) && isText(value.by) && fits("time", value.at);
    case "error":
      return isMap(value) && isText(value.message) && fits("time", value.at) && isTail(value.afterEvent);
  }
}

const isText = (value: unknown): value is string => typeof value === "string";

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
