import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { LiveBroadcast } from "../functions/nog/gen/nogfso/broadcast_pb.ts";
import { FreezeRepo, RegistryFreezeRepo, ReposFreezeRepo } from "../functions/nog/gen/nogfso/freeze-repo_pb.ts";
import { PingRegistry } from "../functions/nog/gen/nogfso/ping-registry_pb.ts";
import { DiskUsage, EphemeralRegistry, Registry } from "../functions/nog/gen/nogfso/registry_pb.ts";
import { Repos } from "../functions/nog/gen/nogfso/repos_pb.ts";
import { SplitRoot } from "../functions/nog/gen/nogfso/split-root_pb.ts";

/** The services that the deployed app of this repository calls. */
const services = [
  LiveBroadcast,
  FreezeRepo,
  RegistryFreezeRepo,
  ReposFreezeRepo,
  PingRegistry,
  Registry,
  EphemeralRegistry,
  DiskUsage,
  Repos,
  SplitRoot,
];

/** The floor of a cold start: builds the clients of the lazy function and answers an empty batch as it does. */
export async function handler() {
  buildClients();
  return { batchItemFailures: [] };
}

function buildClients(): readonly object[] {
  const transport = createGrpcTransport({ baseUrl: process.env.TAILWAKE_NOG_URL ?? "" });
  return [
    new DynamoDBClient({}),
    new EventBridgeClient({}),
    new SchedulerClient({}),
    ...services.map((service) => createClient(service, transport)),
  ];
}
