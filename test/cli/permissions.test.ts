import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { DynamoControlStore } from "../../functions/tasks/dynamodb-control.ts";
import { recordRequests, startDatabase, type TestDatabase } from "../support/dynamodb.ts";
import { printers } from "./printers.ts";
import { type } from "./typed.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await startDatabase();
});
afterEach(() => database.close());

/** What the commands ask of DynamoDB, each once. */
async function askedBy(...lines: string[]): Promise<string[]> {
  const table = await database.createTable();
  const store = new DynamoTaskStore(database.client, table);
  const control = new DynamoControlStore(database.client, table);
  const world = await printers({ store, control });
  world.append("b", "e3");
  const requests = recordRequests(database);
  for (const line of lines) {
    const typed = await type(line.split(" "), { desk: world.desk });
    expect(typed.code, `${line}: ${typed.err}`).not.toBe(1);
    expect(typed.code, `${line}: ${typed.err}`).not.toBe(2);
  }
  return [...new Set(requests.map(({ command }) => command.replace(/Command$/, "")))].sort();
}

describe("the permissions of operators (docs/operations.md)", () => {
  it("are reading alone for who looks, rehearses or replays", async () => {
    const asked = await askedBy(
      ...["status", "why b", "show b", "ls", "ls --sort lag", "events b", "cost", "replay b --dry", "retry --dry-run"],
      ...["pause b --dry-run", "rewind b --to e1 --dry-run", "wake b --dry-run", "start reader thingId=c --dry-run"],
    );
    expect(asked).toEqual(["GetItem", "Query", "Scan"]);
  });

  it("are changing items for who acts", async () => {
    const asked = await askedBy(
      ...["pause b --reason r", "resume b --reason r", "rewind b --to e1 --reason r", "skip-to dd e1 --reason r"],
      ...[
        "start reader thingId=c",
        "wake b",
        "pause --upstream things --reason r",
        "resume --upstream things --reason r",
      ],
      "retry --entity c",
    );
    expect(asked).toEqual(["GetItem", "Scan", "UpdateItem"]);
  });
});
