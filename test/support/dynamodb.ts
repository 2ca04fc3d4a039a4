import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { CreateTableCommand, DescribeTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";
import { tableShape } from "../../functions/tasks/dynamodb-table.ts";

export interface TestDatabase {
  readonly client: DynamoDBClient;
  /** Makes a new, empty task table. */
  createTable(): Promise<string>;
  close(): Promise<void>;
}

/** An embedded DynamoDB on a free port. */
export async function startDatabase(): Promise<TestDatabase> {
  const server = dynalite({ createTableMs: 0, updateTableMs: 0, deleteTableMs: 0 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  let tables = 0;
  return {
    client,
    async createTable() {
      const TableName = `tasks-${++tables}`;
      await client.send(new CreateTableCommand({ TableName, ...tableShape }));
      for (;;) {
        const { Table } = await client.send(new DescribeTableCommand({ TableName }));
        if (Table?.TableStatus === "ACTIVE") break;
      }
      return TableName;
    },
    async close() {
      client.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
