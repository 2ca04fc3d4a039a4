import {
  type AttributeValue,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { controlItemKey, taskItemKey, viewItemKey } from "../../functions/tasks/dynamodb-codec.ts";
import { DynamoControlStore } from "../../functions/tasks/dynamodb-control.ts";
import type { TaskKey } from "../../functions/tasks/record.ts";
import type { TestDatabase } from "../support/dynamodb.ts";
import { World, type WorldOptions } from "../support/world.ts";

export type Item = Record<string, AttributeValue>;

/** A world on a DynamoDB table, whose items a test reads and changes as another version would. */
export class TableWorld extends World {
  readonly #database: TestDatabase;
  readonly #table: string;

  private constructor(database: TestDatabase, table: string, options: WorldOptions) {
    super({
      ...options,
      store: new DynamoTaskStore(database.client, table),
      control: new DynamoControlStore(database.client, table),
    });
    this.#database = database;
    this.#table = table;
  }

  static async start(database: TestDatabase, options: WorldOptions): Promise<TableWorld> {
    return new TableWorld(database, await database.createTable(), options);
  }

  async item(key: Item): Promise<Item> {
    const { Item = {} } = await this.#database.client.send(new GetItemCommand({ TableName: this.#table, Key: key }));
    return Item;
  }

  async items(): Promise<Item[]> {
    const { Items = [] } = await this.#database.client.send(new ScanCommand({ TableName: this.#table }));
    return Items.sort((a, b) => `${a.pk?.S} ${a.sk?.S}`.localeCompare(`${b.pk?.S} ${b.sk?.S}`));
  }

  /** Puts an item as another version wrote it. */
  async put(item: Item): Promise<void> {
    await this.#database.client.send(new PutItemCommand({ TableName: this.#table, Item: item }));
  }

  /** Sets one attribute, whether it exists or not. */
  async set(key: Item, attribute: string, value: AttributeValue | undefined): Promise<void> {
    await this.#database.client.send(
      new UpdateItemCommand({
        TableName: this.#table,
        Key: key,
        UpdateExpression: value ? "SET #a = :a" : "REMOVE #a",
        ExpressionAttributeNames: { "#a": attribute },
        ...(value && { ExpressionAttributeValues: { ":a": value } }),
      }),
    );
  }
}

export const keyOf = (entity: string, activity = "reader"): TaskKey => ({ entity, kind: "thing", activity });
export const taskItem = (entity: string, activity?: string) => taskItemKey(keyOf(entity, activity));
export const viewItem = (entity: string, activity: string, name: string) => viewItemKey(keyOf(entity, activity), name);
export const controlItem = controlItemKey;
