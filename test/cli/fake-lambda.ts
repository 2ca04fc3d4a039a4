import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Lambda's API as far as it is asked, on 127.0.0.1; the answers may change meanwhile. */
export async function startFakeLambda(answers: Record<string, object | string>) {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://lambda").pathname;
    const answer = answers[path] ?? "ResourceNotFoundException";
    const failed = typeof answer === "string";
    const status = answer === "ResourceNotFoundException" ? 404 : 403;
    response.writeHead(failed ? status : 200, {
      "content-type": "application/json",
      ...(failed && { "x-amzn-errortype": answer }),
    });
    response.end(JSON.stringify(failed ? { Message: `${answer} of the fake` } : answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
