import { once } from "node:events";
import { mkdirSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceNotFoundException,
} from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";
import { tableShape } from "../functions/tasks/dynamodb-table.ts";

export interface Database {
  readonly url: string;
  /** Number of requests so far that changed an item or tried to. */
  readonly writes: number;
  close(): Promise<void>;
}

const writing = /\.(UpdateItem|PutItem|DeleteItem|BatchWriteItem)$/;

/** Starts an embedded DynamoDB on a free port of 127.0.0.1; in files if a directory is given, else in memory. */
export async function startDatabase(directory: string | undefined): Promise<Database> {
  if (directory !== undefined) mkdirSync(directory, { recursive: true });
  const server = dynalite({
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
    ...(directory === undefined ? {} : { path: directory }),
  });
  let writes = 0;
  const underWay = new Set<ServerResponse>();
  let onIdle = () => {};
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (writing.test(String(request.headers["x-amz-target"]))) writes++;
    // The server handles a request once its body is complete, and answers even if the client has disconnected.
    request.once("end", () => {
      // A malformed request has been answered already.
      if (!response.writableEnded) underWay.add(response);
    });
    const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
    response.end = (...args: unknown[]) => {
      if (underWay.delete(response) && underWay.size === 0) onIdle();
      return end(...args);
    };
  });
  // A connection that is closed while a client sends on it costs the client its request.
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get writes() {
      return writes;
    },
    async close() {
      // A running request would use the closed database and crash the process.
      if (underWay.size > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve;
        });
      }
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** Creates the task table unless an earlier start created it. */
export async function createTaskTable(client: DynamoDBClient, table: string): Promise<void> {
  const status = async () => {
    try {
      const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
      return Table?.TableStatus;
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    }
  };
  if ((await status()) === undefined) await client.send(new CreateTableCommand({ TableName: table, ...tableShape }));
  while ((await status()) !== "ACTIVE");
}
