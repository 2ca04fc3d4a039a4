import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";
import { dueIndex, eagerIndex, tableKeys } from "./dynamodb-codec.ts";

/** The parts of the task table that the adapter relies on. The deployed table adds backups and encryption. */
export const tableShape = {
  BillingMode: "PAY_PER_REQUEST",
  AttributeDefinitions: [
    { AttributeName: tableKeys.partition, AttributeType: "S" },
    { AttributeName: tableKeys.sort, AttributeType: "S" },
    { AttributeName: dueIndex.partition, AttributeType: "S" },
    { AttributeName: dueIndex.sort, AttributeType: "N" },
    { AttributeName: eagerIndex.partition, AttributeType: "S" },
  ],
  KeySchema: [
    { AttributeName: tableKeys.partition, KeyType: "HASH" },
    { AttributeName: tableKeys.sort, KeyType: "RANGE" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: dueIndex.name,
      KeySchema: [
        { AttributeName: dueIndex.partition, KeyType: "HASH" },
        { AttributeName: dueIndex.sort, KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "KEYS_ONLY" },
    },
    {
      IndexName: eagerIndex.name,
      KeySchema: [{ AttributeName: eagerIndex.partition, KeyType: "HASH" }],
      Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: [...eagerIndex.attributes] },
    },
  ],
} as const satisfies Omit<CreateTableCommandInput, "TableName">;
