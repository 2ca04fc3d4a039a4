import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";

/** What DynamoDB says to a request that is one too many (AWS: DynamoDB, error handling). */
const throttling: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
]);

/** Has `onThrottle` called for each request that is refused for being too many, also those that the SDK sends again. */
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
    // Behind the SDK's own retries, which are in this step too, and before that.
    { step: "finalizeRequest", priority: "low", name: "watchThrottles" },
  );
}
