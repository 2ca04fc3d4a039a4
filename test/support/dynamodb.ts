import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { createTaskTable, startDatabase as startEmbedded } from "../../local/database.ts";

export interface TestDatabase {
  readonly client: DynamoDBClient;
  /** Creates an empty task table. */
  createTable(): Promise<string>;
  close(): Promise<void>;
}

/** A request sent by the SDK. */
export interface SentRequest {
  readonly command: string;
  readonly input: Record<string, unknown>;
}

/** An embedded DynamoDB on a free port. */
export async function startDatabase(): Promise<TestDatabase> {
  return testDatabase(await startEmbedded(undefined));
}

/** A database client for tests, for a server with DynamoDB's protocol; closing it closes the server. */
export function testDatabase(server: { readonly url: string; close(): Promise<void> }): TestDatabase {
  const client = new DynamoDBClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  let tables = 0;
  return {
    client,
    async createTable() {
      const table = `tasks-${++tables}`;
      await createTaskTable(client, table);
      return table;
    },
    async close() {
      client.destroy();
      await server.close();
    },
  };
}

/** Records each request of the client from now on. */
export function recordRequests({ client }: TestDatabase): SentRequest[] {
  const requests: SentRequest[] = [];
  client.middlewareStack.add(
    (next, context) => (args) => {
      requests.push({ command: String(context.commandName), input: args.input as Record<string, unknown> });
      return next(args);
    },
    { step: "initialize", name: "record" },
  );
  return requests;
}
