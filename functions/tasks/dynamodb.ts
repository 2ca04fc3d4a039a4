import { gunzipSync, gzipSync } from "node:zlib";
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { describeError, isTailwakeError, TailwakeError } from "../contract/error.ts";
import {
  decodeKey,
  decodeRecord,
  dueIndex,
  duePartition,
  duePartitionOf,
  eagerIndex,
  laterVersion,
  tableKeys,
  taskItemKey,
  taskPartition,
  viewItemKey,
  waiterItemKey,
  waiterPartition,
} from "./dynamodb-codec.ts";
import { toExpressions } from "./dynamodb-expression.ts";
import { eagerBucket, type TaskKey, type TaskRecord, taskName } from "./record.ts";
import { expectedVersion, versionAttribute } from "./record-version.ts";
import type { DueEntry, EagerEntry, TaskStore } from "./store.ts";
import { refused, type Update, type Written } from "./update.ts";

/** Maximum size of a compressed view. An item holds 400 KB, keys and names included. */
const maxViewBytes = 390 * 1024;
/** Maximum size of a view as JSON. A small compressed view could expand to more memory than a function has. */
const maxViewJsonBytes = 32 * 2 ** 20;

/**
 * The task table in DynamoDB. Reads of a task are strongly consistent; reads of the indexes are eventually consistent.
 * Every write of a task is one conditional UpdateItem.
 */
export class DynamoTaskStore implements TaskStore {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async get(key: TaskKey): Promise<TaskRecord | undefined> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: taskItemKey(key), ConsistentRead: true }),
    );
    return Item && decodeRecord(Item);
  }

  async tasksOf(entity: string) {
    const tasks: TaskRecord[] = [];
    const malformed: TailwakeError[] = [];
    const items = this.#query({
      ConsistentRead: true,
      KeyConditionExpression: "#pk = :pk",
      ExpressionAttributeNames: { "#pk": tableKeys.partition },
      ExpressionAttributeValues: { ":pk": { S: taskPartition(entity) } },
    });
    for await (const item of items) {
      const record = readable(item, (error) => malformed.push(error));
      if (record) tasks.push(record);
    }
    return { tasks, malformed };
  }

  async update(key: TaskKey, update: Update): Promise<Written> {
    try {
      const { Attributes } = await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: taskItemKey(key),
          ...toExpressions(key, update),
          ReturnValues: "ALL_NEW",
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        }),
      );
      return { applied: true, record: decodeRecord(Attributes ?? {}) };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      // DynamoDB returns the stored item, if there is one. An emulator may not.
      const stored = error.Item ? decodeRecord(error.Item) : await this.get(key);
      return refused(update, stored, (error.$metadata.attempts ?? 1) > 1);
    }
  }

  async due(shard: number, until: number, limit: number, after?: DueEntry): Promise<readonly DueEntry[]> {
    const entries: DueEntry[] = [];
    const start = after && {
      ...taskItemKey(after.key),
      [dueIndex.partition]: { S: duePartitionOf(after.key) },
      [dueIndex.sort]: { N: String(after.due) },
    };
    const items = this.#query(
      {
        IndexName: dueIndex.name,
        KeyConditionExpression: "#shard = :shard AND #due <= :until",
        ExpressionAttributeNames: { "#shard": dueIndex.partition, "#due": dueIndex.sort },
        ExpressionAttributeValues: { ":shard": { S: duePartition(shard) }, ":until": { N: String(until) } },
        ...(start && { ExclusiveStartKey: start }),
      },
      limit,
    );
    for await (const item of items) {
      const key = decodeKey(item);
      if (key) entries.push({ key, due: Number(item[dueIndex.sort]?.N) });
      if (entries.length >= limit) break;
    }
    return entries;
  }

  async eager(bucket: number): Promise<readonly EagerEntry[]> {
    const entries: EagerEntry[] = [];
    const items = this.#query({
      IndexName: eagerIndex.name,
      KeyConditionExpression: "#bucket = :bucket",
      ExpressionAttributeNames: { "#bucket": eagerIndex.partition },
      ExpressionAttributeValues: { ":bucket": { S: eagerBucket(bucket) } },
    });
    for await (const item of items) {
      const key = decodeKey(item);
      if (key) entries.push({ key, fence: Number(item.fence?.N), wakeCount: Number(item.wakes?.N) });
    }
    return entries;
  }

  async *list(onMalformed = rethrow): AsyncIterable<TaskRecord> {
    let start: Record<string, AttributeValue> | undefined;
    do {
      const page = await this.#client.send(
        new ScanCommand({ TableName: this.#table, ...(start && { ExclusiveStartKey: start }) }),
      );
      for (const item of page.Items ?? []) {
        const record = decodeKey(item) && readable(item, onMalformed);
        if (record) yield record;
      }
      start = page.LastEvaluatedKey;
    } while (start);
  }

  async addWaiter(of: TaskKey, waiter: TaskKey): Promise<void> {
    const name = taskName(waiter);
    const Item = { ...waiterItemKey(of, name), waiter: { S: name } };
    await this.#client.send(new PutItemCommand({ TableName: this.#table, Item }));
  }

  async waiters(of: TaskKey, limit: number, after?: string): Promise<readonly string[]> {
    const names: string[] = [];
    const items = this.#query(
      {
        ConsistentRead: true,
        KeyConditionExpression: "#pk = :pk",
        ExpressionAttributeNames: { "#pk": tableKeys.partition },
        ExpressionAttributeValues: { ":pk": { S: waiterPartition(of) } },
        ...(after !== undefined && { ExclusiveStartKey: waiterItemKey(of, after) }),
      },
      limit,
    );
    for await (const { waiter } of items) {
      if (waiter?.S) names.push(waiter.S);
      if (names.length >= limit) break;
    }
    return names;
  }

  async removeWaiter(of: TaskKey, waiter: string): Promise<void> {
    await this.#client.send(new DeleteItemCommand({ TableName: this.#table, Key: waiterItemKey(of, waiter) }));
  }

  async putView(key: TaskKey, name: string, json: string): Promise<void> {
    const bytes = Buffer.from(json);
    const packed = gzipSync(bytes);
    if (packed.length > maxViewBytes || bytes.length > maxViewJsonBytes) {
      throw new TailwakeError({
        code: "view-not-storable",
        subject: `view of ${taskName(key)}`,
        expected:
          `at most ${maxViewBytes} bytes compressed, and ${maxViewJsonBytes} as JSON; ` +
          "keep less in the view, or split the aggregate's work",
        received: `${packed.length} bytes (${bytes.length} of JSON)`,
      });
    }
    await this.#client.send(
      new PutItemCommand({ TableName: this.#table, Item: { ...viewItemKey(key, name), json: { B: packed } } }),
    );
  }

  async getView(key: TaskKey, name: string): Promise<string | undefined> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: viewItemKey(key, name), ConsistentRead: true }),
    );
    const malformed = (attribute: string, expected: string, received: string, cause?: unknown) =>
      new TailwakeError({
        code: "malformed-record",
        subject: `view ${name} of ${taskName(key)}, attribute ${attribute}`,
        expected,
        received,
        cause,
      });
    const version = Item && laterVersion(Item);
    if (version !== undefined) throw malformed(versionAttribute, expectedVersion, version);
    const packed = Item?.json?.B;
    if (!packed) return undefined;
    try {
      return gunzipSync(packed, { maxOutputLength: maxViewJsonBytes }).toString("utf8");
    } catch (error) {
      throw malformed("json", `gzip data of at most ${maxViewJsonBytes} bytes`, describeError(error), error);
    }
  }

  async deleteView(key: TaskKey, name: string): Promise<void> {
    await this.#client.send(new DeleteItemCommand({ TableName: this.#table, Key: viewItemKey(key, name) }));
  }

  async *#query(input: Omit<QueryCommand["input"], "TableName">, limit?: number) {
    let start = input.ExclusiveStartKey;
    do {
      const page = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          ...input,
          ...(limit && { Limit: limit }),
          ...(start && { ExclusiveStartKey: start }),
        }),
      );
      yield* page.Items ?? [];
      start = page.LastEvaluatedKey;
    } while (start);
  }
}

/** The record in an item. Passes the error of a malformed one to `onMalformed` and returns undefined. */
function readable(
  item: Record<string, AttributeValue>,
  onMalformed: (error: TailwakeError) => void,
): TaskRecord | undefined {
  try {
    return decodeRecord(item);
  } catch (error) {
    if (!isTailwakeError(error, "malformed-record")) throw error;
    onMalformed(error);
    return undefined;
  }
}

function rethrow(error: TailwakeError): void {
  throw error;
}
