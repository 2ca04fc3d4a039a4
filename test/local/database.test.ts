import { connect } from "node:net";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { createTaskTable, startDatabase } from "../../local/database.ts";

it("closes while requests are under way whose clients have gone, and the process lives on", async () => {
  let closed = 0;
  for (let round = 0; round < 20; round++) {
    const database = await startDatabase(undefined);
    const client = new DynamoDBClient({
      endpoint: database.url,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    await createTaskTable(client, "tasks");
    const query = JSON.stringify({
      TableName: "tasks",
      IndexName: "due",
      KeyConditionExpression: "dueShard = :s",
      ExpressionAttributeValues: { ":s": { S: "due#00" } },
    });
    const head = [
      "POST / HTTP/1.1",
      "host: 127.0.0.1",
      "x-amz-target: DynamoDB_20120810.Query",
      "content-type: application/x-amz-json-1.0",
      "authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
      "x-amz-date: 20260101T000000Z",
      `content-length: ${query.length}`,
    ];
    const { port } = new URL(database.url);
    const sockets = Array.from({ length: 10 }, () => connect(Number(port), "127.0.0.1"));
    await Promise.all(
      sockets.map(
        (socket) =>
          new Promise<void>((resolve) => socket.write(`${head.join("\r\n")}\r\n\r\n${query}`, () => resolve())),
      ),
    );
    for (const socket of sockets) socket.resetAndDestroy();
    for (let turn = 0; turn < round % 5; turn++) await new Promise(setImmediate);
    await database.close();
    closed++;
    client.destroy();
  }
  // What the requests did to the process would be an error of this test's run.
  expect(closed).toBe(20);
});

it("closes after it has refused a request for its form", async () => {
  const database = await startDatabase(undefined);
  const client = new DynamoDBClient({
    endpoint: database.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  await createTaskTable(client, "tasks");
  const Item = { pk: { S: "a" }, sk: { S: "b" }, due: { N: "none" } };
  const refused = client.send(new PutItemCommand({ TableName: "tasks", Item }));
  await expect(refused).rejects.toMatchObject({ name: "ValidationException" });
  client.destroy();
  await database.close();
});
