import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";

/** The errors of a throttled request (AWS: DynamoDB, error handling). */
const throttling: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
]);

/** Calls `onThrottle` for each throttled request, including those that the SDK sends again. */
export function watchThrottles(client: DynamoDBClient, onThrottle: () => void): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (error instanceof Error && throttling.has(error.name)) onThrottle();
        throw error;
      }
    },
    // Inside the SDK's retry loop, which is in the same step with a higher priority.
    { step: "finalizeRequest", priority: "low", name: "watchThrottles" },
  );
}
