import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** A Secrets Manager on 127.0.0.1 that answers GetSecretValue. */
export interface SecretsManager {
  readonly url: string;
  /** What is answered for a secret: its `SecretString`, or the members of the response, or a body as it is. */
  readonly secrets: Map<string, string | { readonly SecretBinary: string } | { readonly body: string }>;
  /** The secrets that were asked for. */
  readonly asked: string[];
  /** Connections that were ever made: the SDK keeps one alive for each of its clients. */
  readonly connections: number;
  close(): Promise<void>;
}

export async function startSecretsManager(): Promise<SecretsManager> {
  const secrets: SecretsManager["secrets"] = new Map();
  const asked: string[] = [];
  let connections = 0;
  const server = createServer(async (request, response) => {
    const { SecretId } = JSON.parse(await bodyOf(request));
    asked.push(SecretId);
    const secret = secrets.get(SecretId);
    const known = secret !== undefined && request.headers["x-amz-target"] === "secretsmanager.GetSecretValue";
    response.writeHead(known ? 200 : 400, { "content-type": "application/x-amz-json-1.1" });
    if (!known) response.end(JSON.stringify(notFound));
    else if (typeof secret === "object" && "body" in secret) response.end(secret.body);
    else response.end(JSON.stringify(typeof secret === "string" ? { Name: SecretId, SecretString: secret } : secret));
  });
  server.on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    secrets,
    asked,
    get connections() {
      return connections;
    },
    async close() {
      server.close();
      // The SDK's client lives as long as the process: its connection would keep the server.
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const notFound = {
  __type: "ResourceNotFoundException",
  Message: "Secrets Manager can't find the specified secret.",
};

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}
