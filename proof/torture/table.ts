import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { taskName } from "../../functions/tasks/record.ts";
import { names } from "../../local/deployment.ts";
import type { FinalTask } from "./comparison.ts";

/** Reads all tasks, with their views. */
export async function readTasks(databaseUrl: string): Promise<FinalTask[]> {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint: databaseUrl, region: "us-east-1", credentials });
  try {
    const store = new DynamoTaskStore(client, names.table);
    const tasks: FinalTask[] = [];
    for await (const record of store.list()) {
      const { status, tail, fence, acted, viewRef } = record;
      const view = record.view ?? (viewRef === undefined ? undefined : await store.getView(record, viewRef));
      tasks.push({ task: taskName(record), status, tail, fence, acted, view });
    }
    return tasks;
  } finally {
    client.destroy();
  }
}
