import type { TaskRecord } from "../../tasks/record.ts";

/** The limits and prices of DynamoDB (AWS: its developer guide, "Constraints" and "Write capacity units"). */
export const maxItemBytes = 400 * 1024;
const maxPartitionKeyBytes = 2048;
const unitBytes = 1024;
/** For a map or a list, beside its members; and for each member. */
const containerBytes = 3;
const memberBytes = 1;
/** The keys with their names, and the attributes that every item has beside those of the record. */
const keysBytes = 40;

/** The size of a record as an item, in bytes. */
export function sizeOf(record: TaskRecord): number {
  const { entity, kind, activity, ...attributes } = record;
  const keys = keysBytes + bytesOf(entity) + bytesOf(kind) + bytesOf(activity);
  return Object.entries(attributes).reduce((sum, [name, value]) => sum + name.length + bytesOf(value), keys);
}

/** The price of a write, by the larger of the item before and after it, in write units. */
export const costOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / unitBytes));

function bytesOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  // About two digits in a byte.
  if (typeof value === "number") return 8;
  if (typeof value === "boolean") return 1;
  if (Array.isArray(value)) return value.reduce((sum, member) => sum + memberBytes + bytesOf(member), containerBytes);
  if (typeof value !== "object" || value === null) return 0;
  return Object.entries(value).reduce(
    (sum, [name, member]) => sum + memberBytes + name.length + bytesOf(member),
    containerBytes,
  );
}

export function itemTooLarge(name: string, bytes: number): Error {
  return validation(`the item of ${name} would have ${bytes} bytes: Item size has exceeded the maximum allowed size`);
}

/** Throws as DynamoDB does for an entity whose id cannot be part of a key. */
export function checkKeySize(entity: string): void {
  if ("task#".length + entity.length <= maxPartitionKeyBytes) return;
  throw validation(`Size of hashkey has exceeded the maximum size limit of ${maxPartitionKeyBytes} bytes`);
}

const validation = (text: string): Error => Object.assign(new Error(text), { name: "ValidationException" });
