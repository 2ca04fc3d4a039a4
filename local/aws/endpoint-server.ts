import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { parseBody, readBody } from "./request-body.ts";
import { RequestFields } from "./request-fields.ts";
import { ServiceError } from "./service-error.ts";
import { callOf, type ServiceOperations, type ServiceProtocol, serviceErrorOf } from "./service-protocol.ts";

/**
 * The maximum size of an HTTP body in bytes. The services limit events and messages to 1 MiB themselves; escaped as
 * JSON within a body, that much text can take several times its size.
 */
const maxBodyBytes = 8 * 1_048_576;

interface CallFault {
  readonly operation: string;
  readonly error: ServiceError;
  remaining: number;
}

/** The HTTP side of the endpoint: parses requests, calls operations and writes their answers. */
export class EndpointServer {
  readonly #server: Server;
  readonly #open = new Set<AbortController>();
  #operations: ServiceOperations = { eventbridge: {}, sqs: {}, scheduler: {} };
  #faults: CallFault[] = [];

  constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response));
    // Long polls and idle SDK connections end when the endpoint closes, not before.
    this.#server.requestTimeout = 0;
  }

  /** Listens on 127.0.0.1 and returns the origin of its URLs. */
  async listen(port: number): Promise<string> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("The endpoint listens on no TCP port.");
    return `http://127.0.0.1:${address.port}`;
  }

  serve(operations: ServiceOperations): void {
    this.#operations = operations;
  }

  failNextCall(operation: string, error: ServiceError, times: number): void {
    this.#faults.push({ operation, error, remaining: times });
  }

  /** Closes all requests and connections. */
  async close(): Promise<void> {
    for (const call of this.#open) call.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    this.#open.add(gone);
    response.on("close", () => gone.abort());
    response.setHeader("x-amzn-requestid", randomUUID());
    let protocol: ServiceProtocol | undefined;
    try {
      const url = new URL(request.url ?? "/", "http://127.0.0.1");
      const target = request.headers["x-amz-target"];
      const body = await readBody(request, maxBodyBytes);
      const call = callOf(request.method ?? "", url, typeof target === "string" ? target : undefined);
      protocol = call.protocol;
      const operations = this.#operations[protocol.service];
      const operation = Object.hasOwn(operations, call.operation) ? operations[call.operation] : undefined;
      if (!operation) {
        throw new ServiceError(
          "UnknownOperationException",
          `${protocol.service} has no operation ${call.operation} in this endpoint.`,
        );
      }
      this.#throwFault(call.operation);
      const input = new RequestFields({ ...parseBody(body), ...call.parameters });
      const answer = await operation(input, gone.signal);
      send(response, 200, protocol, answer ?? {});
    } catch (error) {
      const { code, message, status } = serviceErrorOf(error, protocol);
      // Discard the rest of a refused body, so that the caller can read the answer.
      if (!request.complete) response.setHeader("connection", "close");
      request.resume();
      for (const [name, value] of Object.entries(protocol?.errorHeaders(code) ?? {})) response.setHeader(name, value);
      const type = protocol ? `${protocol.namespace}#${code}` : code;
      send(response, status, protocol, { __type: type, [protocol?.messageField ?? "message"]: message });
    } finally {
      this.#open.delete(gone);
    }
  }

  #throwFault(operation: string): void {
    const fault = this.#faults.find((one) => one.operation === operation);
    if (!fault) return;
    fault.remaining -= 1;
    this.#faults = this.#faults.filter((one) => one.remaining > 0);
    throw fault.error;
  }
}

function send(response: ServerResponse, status: number, protocol: ServiceProtocol | undefined, body: unknown): void {
  if (response.destroyed) return;
  response.statusCode = status;
  response.setHeader("content-type", protocol?.contentType ?? "application/json");
  response.end(JSON.stringify(body));
}
