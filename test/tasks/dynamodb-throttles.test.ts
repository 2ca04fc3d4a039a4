import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, it } from "vitest";
import { watchThrottles } from "../../functions/tasks/dynamodb-throttles.ts";

/** A client of a DynamoDB that answers so, one request after the other; it tries three times, without a pause. */
function clientOf(answers: readonly (string | undefined)[]) {
  let requests = 0;
  let throttles = 0;
  const client = new DynamoDBClient({
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    retryStrategy: {
      acquireInitialRetryToken: async () => token(0),
      refreshRetryTokenForRetry: async ({ getRetryCount }) => {
        if (getRetryCount() >= 2) throw new Error("no more");
        return token(getRetryCount() + 1);
      },
      recordSuccess() {},
    },
    requestHandler: {
      async handle() {
        const code = answers[requests++];
        const body = Buffer.from(JSON.stringify(code === undefined ? {} : { __type: `com.amazonaws#${code}` }));
        return { response: { statusCode: code === undefined ? 200 : 400, headers: {}, body } };
      },
    } as never,
  });
  watchThrottles(client, () => throttles++);
  const get = () => client.send(new GetItemCommand({ TableName: "t", Key: { pk: { S: "a" } } }));
  return { get, seen: () => ({ requests, throttles }) };
}
const token = (count: number) => ({ getRetryCount: () => count, getRetryDelay: () => 0 });

describe("the throttles of DynamoDB", () => {
  it("are counted for each request that was refused, though the SDK sends it again with success", async () => {
    const { get, seen } = clientOf(["ProvisionedThroughputExceededException", "ThrottlingException", undefined]);
    await get();
    expect(seen()).toEqual({ requests: 3, throttles: 2 });
  });

  it("are counted for a request that failed in the end", async () => {
    const { get, seen } = clientOf(Array(3).fill("RequestLimitExceeded"));
    await expect(get()).rejects.toThrow();
    expect(seen()).toEqual({ requests: 3, throttles: 3 });
  });

  it("are not what was refused for another reason", async () => {
    const { get, seen } = clientOf(Array(3).fill("ConditionalCheckFailedException"));
    await expect(get()).rejects.toThrow();
    expect(seen()).toEqual({ requests: 3, throttles: 0 });
  });
});
