import { DescribeTableCommand, DynamoDBClient, type KeySchemaElement, type Projection } from "@aws-sdk/client-dynamodb";
import { type Desk, tableShape } from "tailwake/operate";
import { check, type Finding, Fix, is } from "./check.ts";

/** Checks the table, its keys and indexes, and that it can be read. */
export async function checkTable(desk: Desk, table: string): Promise<Finding[]> {
  const client = new DynamoDBClient({});
  try {
    return await Promise.all([
      check("table", "dynamodb:DescribeTable", () => describe(client, table)),
      check("reading the table", "dynamodb:GetItem", async () => {
        await desk.actions();
        return "a document was read";
      }),
    ]);
  } finally {
    client.destroy();
  }
}

async function describe(client: DynamoDBClient, table: string): Promise<string> {
  const found = await client.send(new DescribeTableCommand({ TableName: table })).catch((error: Error) => {
    if (error.name !== "ResourceNotFoundException") throw error;
    throw new Fix(`${table} does not exist: deploy the stack, or restore it`);
  });
  const { TableStatus, KeySchema, GlobalSecondaryIndexes = [], ItemCount } = found.Table ?? {};
  is(TableStatus === "ACTIVE" || TableStatus === "UPDATING", `${table} is ${TableStatus}: wait until it is ACTIVE`);
  is(
    keys(KeySchema) === keys(tableShape.KeySchema),
    `${table} has the keys ${keys(KeySchema)}: it is not a task table`,
  );
  for (const { IndexName, KeySchema: expected, Projection } of tableShape.GlobalSecondaryIndexes) {
    const index = GlobalSecondaryIndexes.find((one) => one.IndexName === IndexName);
    const where = `index ${IndexName} of ${table}`;
    if (!index) throw new Fix(`${where} does not exist: deploy infra/table.yml`);
    is(
      keys(index.KeySchema) === keys(expected),
      `${where} has the keys ${keys(index.KeySchema)}: deploy infra/table.yml`,
    );
    const differs = `${where} projects ${projected(index.Projection)}: expected ${projected(Projection)}`;
    is(projected(index.Projection) === projected(Projection), differs);
    is(index.IndexStatus === "ACTIVE" || index.IndexStatus === undefined, `${where} is ${index.IndexStatus}: wait`);
  }
  return `${table}, with both indexes; about ${ItemCount ?? 0} items`;
}

const keys = (schema: readonly KeySchemaElement[] = []): string =>
  schema.map(({ AttributeName, KeyType }) => `${AttributeName} ${KeyType}`).join(", ") || "none";

type Projected = Projection | (typeof tableShape)["GlobalSecondaryIndexes"][number]["Projection"] | undefined;

function projected(projection: Projected): string {
  const attributes = projection && "NonKeyAttributes" in projection ? [...(projection.NonKeyAttributes ?? [])] : [];
  return [projection?.ProjectionType ?? "nothing", ...attributes.sort()].join(" ");
}
