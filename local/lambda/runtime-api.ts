import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isJsonObject } from "../aws/request-fields.ts";
import { type FunctionErrorPayload, maxPayloadBytes, type Outcome } from "./invocation.ts";
import { readPayload } from "./payload-body.ts";

export interface RuntimeInvocation {
  readonly requestId: string;
  /** JSON text. */
  readonly event: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly deadlineMs: number;
  readonly functionArn: string;
  readonly traceId: string;
}

export interface RuntimeListener {
  /** The runtime requests its next event: it is ready, or has finished the previous one. */
  onNext(): void;
  onInitError(error: FunctionErrorPayload): void;
}

const basePath = "/2018-06-01/runtime";

/**
 * The Runtime API of one execution environment (Lambda Developer Guide, "Using the Lambda runtime API for custom
 * runtimes", version 2018-06-01). Each environment has its own server, because AWS_LAMBDA_RUNTIME_API is a host and
 * port without a path.
 */
export class RuntimeApi {
  readonly #listener: RuntimeListener;
  readonly #server: Server;
  #waiting: ServerResponse | undefined;
  #current: { readonly requestId: string; readonly resolve: (outcome: Outcome) => void } | undefined;

  private constructor(listener: RuntimeListener) {
    this.#listener = listener;
    this.#server = createServer((request, response) => void this.#handle(request, response));
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = 0;
  }

  static async start(listener: RuntimeListener): Promise<RuntimeApi> {
    const api = new RuntimeApi(listener);
    api.#server.listen(0, "127.0.0.1");
    await once(api.#server, "listening");
    return api;
  }

  /** Value of AWS_LAMBDA_RUNTIME_API. */
  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("The runtime API listens on no TCP port.");
    return `127.0.0.1:${address.port}`;
  }

  /** Whether the runtime has requested an event and is waiting for it. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Sends an event to the waiting runtime; resolves when the runtime has posted a response or an error for it. */
  invoke(invocation: RuntimeInvocation): Promise<Outcome> {
    const response = this.#waiting;
    if (!response) throw new Error("The runtime is not waiting for an event.");
    this.#waiting = undefined;
    return new Promise((resolve) => {
      this.#current = { requestId: invocation.requestId, resolve };
      response.writeHead(200, {
        "content-type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": invocation.requestId,
        "Lambda-Runtime-Deadline-Ms": String(invocation.deadlineMs),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.functionArn,
        "Lambda-Runtime-Trace-Id": invocation.traceId,
      });
      response.end(invocation.event);
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").slice(basePath.length);
    if (!request.url?.startsWith(basePath)) return refuse(response, 404, "NotFound", `No path ${request.url}.`);
    try {
      if (request.method === "GET" && path === "/invocation/next") return this.#next(response);
      const [, requestId, answer] = /^\/invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
      const isPost = request.method === "POST";
      if (isPost && path === "/init/error") {
        this.#listener.onInitError(parseError(await readPayload(request)));
        return accept(response);
      }
      if (isPost && requestId !== undefined)
        return await this.#answer(requestId, answer === "response", request, response);
      refuse(response, 404, "NotFound", `No endpoint for ${request.method} ${request.url}.`);
    } catch (error) {
      refuse(response, 400, "InvalidRequest", error instanceof Error ? error.message : String(error));
    }
  }

  #next(response: ServerResponse): void {
    if (this.#current || this.#waiting) {
      refuse(
        response,
        403,
        "InvalidStateTransition",
        "An invocation is still running, or the next event has already been requested.",
      );
      return;
    }
    this.#waiting = response;
    response.on("close", () => {
      if (this.#waiting === response) this.#waiting = undefined;
    });
    this.#listener.onNext();
  }

  async #answer(
    requestId: string,
    isResponse: boolean,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const body = await readPayload(request);
    const current = this.#current;
    if (current?.requestId !== requestId) {
      return refuse(response, 400, "InvalidRequestID", `No invocation ${requestId} is running.`);
    }
    this.#current = undefined;
    if (isResponse && Buffer.byteLength(body) > maxPayloadBytes) {
      const errorType = "Function.ResponseSizeTooLarge";
      const errorMessage = `Response payload size exceeded maximum allowed payload size (${maxPayloadBytes} bytes).`;
      current.resolve({ ok: false, payload: { errorType, errorMessage } });
      return refuse(response, 413, "RequestEntityTooLarge", errorMessage);
    }
    current.resolve(isResponse ? parseResponse(body) : { ok: false, payload: parseError(body) });
    accept(response);
  }
}

function parseResponse(body: string): Outcome {
  try {
    return { ok: true, payload: JSON.parse(body) };
  } catch (error) {
    const errorMessage = `The response is not JSON: ${error instanceof Error ? error.message : String(error)}`;
    return { ok: false, payload: { errorType: "Runtime.MalformedResponse", errorMessage } };
  }
}

function parseError(body: string): FunctionErrorPayload {
  const error: unknown = JSON.parse(body);
  const { errorType, errorMessage, stackTrace } = isJsonObject(error) ? error : {};
  return {
    errorType: typeof errorType === "string" ? errorType : "Runtime.Unknown",
    errorMessage: typeof errorMessage === "string" ? errorMessage : "",
    ...(Array.isArray(stackTrace) ? { stackTrace: stackTrace.map(String) } : {}),
  };
}

function accept(response: ServerResponse): void {
  response.writeHead(202, { "content-type": "application/json" }).end('{"status":"OK"}');
}

function refuse(response: ServerResponse, status: number, errorType: string, errorMessage: string): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ errorType, errorMessage }));
}
