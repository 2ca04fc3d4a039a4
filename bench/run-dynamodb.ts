import {
  type AttributeValue,
  DynamoDBClient,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { DynamoTaskStore } from "../functions/tasks/dynamodb.ts";
import { encodeValue, taskItemKey } from "../functions/tasks/dynamodb-codec.ts";
import { MemoryTaskStore } from "../functions/tasks/memory.ts";
import type { TaskRecord } from "../functions/tasks/record.ts";
import { connectUpstream, type UpstreamConnection } from "../functions/upstream/connection.ts";
import { startRole } from "./child.ts";
import { CountingApp } from "./engine.ts";
import { startEventServer } from "./event-server.ts";
import { countWithBareLoop } from "./floor.ts";
import type { Figure } from "./measure.ts";
import { repoId } from "./repo-id.ts";
import { figuresOf, repoIds, sidesOf } from "./run.ts";

const eventsEach = 1;
/** One sweep, since the SDK's calls are slow. */
const sweeps = 1;

/**
 * Runs with a table that answers immediately, compared with the same two SDK calls in sequence with the bare loop
 * between them. Probes wake them: a signal would add a Query.
 */
export async function measureDynamoRuns(name: string): Promise<readonly Figure[]> {
  const servers = await startServers();
  const { app, connection, client, close } = connectTo(servers.urls);
  try {
    const [acquire, commit, ...more] = await sentBy(client, () => app.invoke(probes.slice(0, 1)));
    if (!acquire || !commit || more.length > 0) throw new Error("expected a run to make two calls");
    const bare = async () => {
      await client.send(new UpdateItemCommand(acquire));
      const counted = await countWithBareLoop(connection);
      await client.send(new UpdateItemCommand(commit));
      return counted;
    };
    return await figuresOf(name, sidesOf({ app, messages: probes, sweeps, eventsEach, bare }));
  } finally {
    close();
    await servers.end();
  }
}

/** Starts the servers of such runs: of events, and the null database. */
export async function startServers() {
  const events = await startEventServer({ events: eventsEach, perMessage: 1, calls: 1 });
  const connection = connectUpstream({ baseUrl: events.url, protocol: "grpc" });
  const answers = { UpdateItem: { Attributes: await itemOf(connection) } };
  connection.close();
  const database = startRole("null-database", [JSON.stringify(answers)]);
  const urls = [events.url, await database.line()] as const;
  return { urls, end: () => Promise.all([events.child.end(), database.end()]) };
}

/** The app in this process. */
export function connectTo([eventsUrl = "", endpoint = ""]: readonly string[]) {
  const connection = connectUpstream({ baseUrl: eventsUrl, protocol: "grpc" });
  const credentials = { accessKeyId: "bench", secretAccessKey: "bench" };
  const client = new DynamoDBClient({ endpoint, region: "us-east-1", credentials });
  const app = new CountingApp(connection, "events", { store: new DynamoTaskStore(client, "tasks") });
  const close = () => {
    client.destroy();
    connection.close();
  };
  return { app, connection, client, close };
}

const keyOf = (entity: string) => ({ entity, kind: "repo", activity: "count-events" });

export const probes = repoIds.map((entity) => ({ class: "probe", key: keyOf(entity) }) as const);

/** The item of a task that has run, as the table returns it: always the same. */
async function itemOf(connection: UpstreamConnection): Promise<Record<string, AttributeValue>> {
  const store = new MemoryTaskStore();
  const app = new CountingApp(connection, "events", { store });
  await app.start(repoId(0));
  await app.invoke(app.alarms.take());
  const record = await store.get(keyOf(repoId(0)));
  if (!record) throw new Error("no record");
  const { entity, kind, activity, ...attributes }: TaskRecord = { ...record, token: record.lastToken ?? "" };
  const encoded = Object.entries(attributes).map(([name, value]) => [name, encodeValue(value)]);
  return { ...taskItemKey({ entity, kind, activity }), ...Object.fromEntries(encoded) };
}

/** The commands that `work` sends with the client. */
async function sentBy(client: DynamoDBClient, work: () => Promise<void>): Promise<UpdateItemCommandInput[]> {
  const inputs: UpdateItemCommandInput[] = [];
  client.middlewareStack.add(
    (next) => (args) => {
      inputs.push(args.input as UpdateItemCommandInput);
      return next(args);
    },
    { step: "initialize", name: "record" },
  );
  await work();
  client.middlewareStack.remove("record");
  return inputs;
}
