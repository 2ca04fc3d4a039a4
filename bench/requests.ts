import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoTaskStore } from "../functions/tasks/dynamodb.ts";
import { connectUpstream } from "../functions/upstream/connection.ts";
import { createTaskTable, startDatabase } from "../local/database.ts";
import { CountingApp } from "./engine.ts";
import { startEventServer } from "./event-server.ts";
import { expectCount } from "./floor.ts";
import { type Figure, figure } from "./measure.ts";
import { repoId } from "./repo-id.ts";

const repos = 50;
/** The minimum for acquire and commit. */
const floor = 2;

/** Requests of the SDK per run; a signal first has to query the tasks of its aggregate. */
export async function measureRequests(name: string): Promise<readonly Figure[]> {
  const { url, child } = await startEventServer({ events: 1, perMessage: 1, calls: repos + 1 });
  const connection = connectUpstream({ baseUrl: url, protocol: "grpc" });
  const database = await startDatabase(undefined);
  const client = new DynamoDBClient({
    endpoint: database.url,
    region: "us-east-1",
    credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
    maxAttempts: 1,
  });
  let requests = 0;
  client.middlewareStack.add(
    (next) => (args) => {
      requests++;
      return next(args);
    },
    { step: "initialize", name: "count" },
  );
  try {
    await createTaskTable(client, "tasks");
    const app = new CountingApp(connection, "events", { store: new DynamoTaskStore(client, "tasks") });
    const ids = Array.from({ length: repos }, (_, i) => repoId(i));
    for (const id of ids) await app.start(id);
    const perRun = async (messages: Parameters<typeof app.invoke>[0]) => {
      const [requestsBefore, runsBefore] = [requests, app.runs];
      await app.invoke(messages);
      expectCount("runs", app.runs - runsBefore, repos);
      return (requests - requestsBefore) / repos;
    };
    const woken = await perRun(app.alarms.take());
    const signaled = await perRun(ids.map((entity) => ({ class: "signal", entity, kind: "repo" })));
    return [
      figure(name, "requests", { value: woken, floor }),
      figure(`${name}/signal`, "requests", { value: signaled, floor }),
    ];
  } finally {
    client.destroy();
    connection.close();
    await Promise.all([database.close(), child.end()]);
  }
}
