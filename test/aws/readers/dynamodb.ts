import { DescribeContinuousBackupsCommand, DescribeTableCommand } from "@aws-sdk/client-dynamodb";
import type { Readers } from "./reader.ts";

export const dynamoReaders: Readers = {
  async "AWS::DynamoDB::Table"({ dynamo }, TableName) {
    const { Table = {} } = await dynamo.send(new DescribeTableCommand({ TableName }));
    const { ContinuousBackupsDescription: backups } = await dynamo.send(
      new DescribeContinuousBackupsCommand({ TableName }),
    );
    const status = backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
    const { AttributeDefinitions, KeySchema, SSEDescription: encryption } = Table;
    const properties = {
      TableName: Table.TableName,
      BillingMode: Table.BillingModeSummary?.BillingMode,
      DeletionProtectionEnabled: Table.DeletionProtectionEnabled,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: status === "ENABLED" },
      SSESpecification: { SSEEnabled: encryption?.Status === "ENABLED", SSEType: encryption?.SSEType },
      AttributeDefinitions,
      KeySchema,
      GlobalSecondaryIndexes: Table.GlobalSecondaryIndexes?.map((index) => ({
        IndexName: index.IndexName,
        KeySchema: index.KeySchema,
        Projection: index.Projection,
      })),
    };
    return { properties, arn: Table.TableArn };
  },
};
