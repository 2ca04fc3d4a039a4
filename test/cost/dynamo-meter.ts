import { type AttributeValue, type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { dueIndex, eagerIndex, tableKeys } from "../../functions/tasks/dynamodb-codec.ts";

/** One request and its cost. */
export interface Metered {
  /** Service, operation and, for the task table, the item or index. */
  readonly request: string;
  readonly writeUnits: number;
  readonly readUnits: number;
  /** Entries of PutEvents. */
  readonly busEvents?: number;
}

type Item = Record<string, AttributeValue>;

interface Input {
  readonly TableName: string;
  readonly Key?: Item;
  readonly IndexName?: string;
  readonly ConsistentRead?: boolean;
  readonly ExpressionAttributeValues?: Item;
}

/** The attributes that an index projects besides its keys. */
const indexes = [
  { keys: [dueIndex.partition, dueIndex.sort], projected: [] },
  { keys: [eagerIndex.partition], projected: eagerIndex.attributes },
] as const;

/**
 * Counts the requests of a client and their capacity units. The database reports the units of an item, but not of the
 * indexes, so this compares an item's entries before and after a write (DynamoDB Developer Guide, "Provisioned
 * throughput considerations for global secondary indexes"). Entries and items are below 1 KB.
 */
export class DynamoMeter {
  readonly metered: (Metered & { readonly subject: string })[] = [];

  constructor(client: DynamoDBClient, unmetered: DynamoDBClient, follow: <T>(work: Promise<T>) => Promise<T>) {
    client.middlewareStack.add(
      (next, context) => (args) =>
        follow(
          (async () => {
            const operation = String(context.commandName).replace(/Command$/, "");
            const input = args.input as Input;
            const isWrite = operation === "UpdateItem";
            const read = async () => {
              const { TableName, Key } = input;
              return (await unmetered.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item;
            };
            const before = isWrite ? await read() : undefined;
            Object.assign(args.input, { ReturnConsumedCapacity: "TOTAL" });
            const result = await next(args);
            const { ConsumedCapacity } = result.output as { ConsumedCapacity?: { CapacityUnits?: number } };
            const units = ConsumedCapacity?.CapacityUnits ?? 0;
            const subject = subjectOf(input);
            this.metered.push({
              subject,
              request: `DynamoDB ${operation}, ${subject}`,
              writeUnits: isWrite ? units + indexUnits(before, await read()) : 0,
              // An empty result costs the minimum.
              readUnits: isWrite ? 0 : Math.max(units, input.ConsistentRead ? 1 : 0.5),
            });
            return result;
          })(),
        ),
      { step: "initialize", name: "meter" },
    );
  }

  of(subject: string): readonly Metered[] {
    return this.metered.filter((one) => one.subject === subject);
  }
}

function subjectOf({ Key, IndexName, ExpressionAttributeValues }: Input): string {
  if (IndexName !== undefined) return `${IndexName} index`;
  const partition = (Key?.[tableKeys.partition] ?? ExpressionAttributeValues?.[":pk"])?.S ?? "";
  if (partition.startsWith("control#")) return "control document";
  if (partition.startsWith("task#")) return "task";
  throw new Error(`a request about ${partition}: expected a task, a control document or an index`);
}

/**
 * The index write units for a write of an item: one for an entry that is added, changed or removed, two for one that
 * moves.
 */
function indexUnits(before: Item | undefined, after: Item | undefined): number {
  let units = 0;
  for (const { keys, projected } of indexes) {
    const text = (item: Item | undefined, names: readonly string[]) =>
      item && names.every((name) => name in item) ? JSON.stringify(names.map((name) => item[name])) : undefined;
    const [had, has] = [text(before, keys), text(after, keys)];
    if (had !== has) units += Number(had !== undefined) + Number(has !== undefined);
    else if (has !== undefined && text(before, projected) !== text(after, projected)) units += 1;
  }
  return units;
}
