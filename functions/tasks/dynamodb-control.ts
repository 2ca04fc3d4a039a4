import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { describeError, TailwakeError } from "../contract/error.ts";
import type { ControlStore, Versioned } from "./control.ts";
import { controlItemKey, laterVersion } from "./dynamodb-codec.ts";
import { expectedVersion, versionAttribute } from "./record-version.ts";

/** Control documents in the task table, one item each, with the attributes `json` and `version`. */
export class DynamoControlStore implements ControlStore {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async read(name: string): Promise<Versioned | undefined> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: controlItemKey(name), ConsistentRead: true }),
    );
    if (!Item) return undefined;
    const later = laterVersion(Item);
    if (later !== undefined) {
      throw new TailwakeError({
        code: "malformed-record",
        subject: `control document ${name}, attribute ${versionAttribute}`,
        expected: expectedVersion,
        received: later,
      });
    }
    const version = Number(Item.version?.N);
    try {
      if (!Number.isSafeInteger(version)) throw new Error(`version ${Item.version?.N}`);
      return { version, value: JSON.parse(Item.json?.S ?? "") };
    } catch (error) {
      throw new TailwakeError({
        code: "malformed-record",
        subject: `control document ${name}`,
        expected: "a version and JSON",
        received: describeError(error),
        cause: error,
      });
    }
  }

  async write(name: string, value: object, seen: number | "any"): Promise<number | undefined> {
    const asSeen = seen === 0 ? " AND attribute_not_exists(#version)" : " AND #version = :seen";
    try {
      const { Attributes } = await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: controlItemKey(name),
          UpdateExpression: "SET #json = :json, #version = if_not_exists(#version, :none) + :one",
          ConditionExpression: `attribute_not_exists(#v)${seen === "any" ? "" : asSeen}`,
          ExpressionAttributeNames: { "#json": "json", "#version": "version", "#v": versionAttribute },
          ExpressionAttributeValues: {
            ":json": { S: JSON.stringify(value) },
            ":none": { N: "0" },
            ":one": { N: "1" },
            ...(typeof seen === "number" && seen > 0 ? { ":seen": { N: String(seen) } } : {}),
          },
          ReturnValues: "UPDATED_NEW",
        }),
      );
      return Number(Attributes?.version?.N);
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  }
}
