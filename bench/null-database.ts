import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * The role of a process that answers each DynamoDB request immediately with the given answer for its operation, and
 * stores nothing. Prints its URL; ends when standard input closes.
 */
export async function serveNullDatabase([answers = "{}"]: readonly string[]): Promise<void> {
  const byOperation = Object.entries(JSON.parse(answers) as Record<string, unknown>).map(
    ([operation, answer]): [string, Buffer] => [`DynamoDB_20120810.${operation}`, Buffer.from(JSON.stringify(answer))],
  );
  const bodies = new Map(byOperation);
  const server = createServer((request, response) => {
    const body = bodies.get(String(request.headers["x-amz-target"]));
    request
      .on("end", () => {
        response.writeHead(body ? 200 : 400, {
          "content-type": "application/x-amz-json-1.0",
          "content-length": body?.length ?? 0,
        });
        response.end(body);
      })
      .resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  process.stdin.on("close", () => process.exit()).resume();
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
}
