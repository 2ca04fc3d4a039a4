import {
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
} from "@aws-sdk/client-lambda";
import { check, type Finding, Fix, is } from "./check.ts";

/** Checks the functions, and the event sources of the lazy one. */
export async function checkFunctions(
  prefix: string | undefined,
  names: readonly string[],
): Promise<{ readonly findings: readonly Finding[]; readonly lazyTimeoutSeconds: number | undefined }> {
  if (prefix === undefined) {
    const says = "npm start has no Lambda API";
    return { findings: [{ what: "functions", state: "not checked", says }], lazyTimeoutSeconds: undefined };
  }
  const client = new LambdaClient({});
  let lazyTimeoutSeconds: number | undefined;
  try {
    const findings = await Promise.all([
      ...names.map((name) =>
        check(`function ${prefix}-${name}`, "lambda:GetFunctionConfiguration", async () => {
          const timeout = await checkFunction(client, `${prefix}-${name}`);
          if (name === "lazy") lazyTimeoutSeconds = timeout;
          return `timeout ${timeout} s`;
        }),
      ),
      check("concurrency of the lazy function", "lambda:GetFunctionConcurrency", async () => {
        const asked = new GetFunctionConcurrencyCommand({ FunctionName: `${prefix}-lazy` });
        const { ReservedConcurrentExecutions: reserved } = await client.send(asked);
        is(reserved !== 0, "it is 0, so nothing runs: remove or raise it");
        return reserved === undefined ? "not reserved" : `${reserved} reserved`;
      }),
      check("event sources of the lazy function", "lambda:ListEventSourceMappings", async () => {
        const asked = new ListEventSourceMappingsCommand({ FunctionName: `${prefix}-lazy` });
        const { EventSourceMappings = [] } = await client.send(asked);
        is(EventSourceMappings.length > 0, "no queue is an event source of it: deploy infra/queues.yml");
        const off = EventSourceMappings.filter(({ State }) => State !== "Enabled" && State !== "Updating");
        const queues = off.map(({ EventSourceArn = "", State }) => `${EventSourceArn.split(":").at(-1)} is ${State}`);
        is(off.length === 0, `${queues.join(", ")}: enable it`);
        return `${EventSourceMappings.length} queues`;
      }),
    ]);
    return { findings, lazyTimeoutSeconds };
  } finally {
    client.destroy();
  }
}

async function checkFunction(client: LambdaClient, name: string): Promise<number> {
  const found = await client.send(new GetFunctionConfigurationCommand({ FunctionName: name })).catch((error: Error) => {
    if (error.name !== "ResourceNotFoundException") throw error;
    throw new Fix("does not exist: deploy it");
  });
  const { State, LastUpdateStatus, LastUpdateStatusReason, Timeout = 0 } = found;
  is(State !== "Failed", `its state is Failed: ${found.StateReason}`);
  is(LastUpdateStatus !== "Failed", `its last update failed: ${LastUpdateStatusReason}`);
  return Timeout;
}
