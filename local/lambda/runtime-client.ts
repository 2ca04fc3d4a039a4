import { Agent, type IncomingMessage, request } from "node:http";
import type { FunctionErrorPayload } from "./invocation.ts";
import { readPayload } from "./payload-body.ts";

/** An event as received by the runtime. */
export interface ReceivedInvocation {
  readonly requestId: string;
  readonly event: unknown;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly deadlineMs: number;
  readonly functionArn: string;
  readonly traceId: string;
}

/** The runtime's side of the Runtime API. */
export class RuntimeClient {
  readonly #base: string;
  readonly #agent = new Agent({ keepAlive: true });

  /** `address` is the value of AWS_LAMBDA_RUNTIME_API: host and port. */
  constructor(address: string) {
    this.#base = `http://${address}/2018-06-01/runtime`;
  }

  /** Waits for the next event. */
  async next(): Promise<ReceivedInvocation> {
    const { response, body } = await this.#call("GET", "/invocation/next");
    if (response.statusCode !== 200)
      throw new Error(`The runtime API answered next with ${response.statusCode}: ${body}`);
    const header = (name: string) => String(response.headers[`lambda-runtime-${name}`] ?? "");
    return {
      requestId: header("aws-request-id"),
      event: JSON.parse(body),
      deadlineMs: Number(header("deadline-ms")),
      functionArn: header("invoked-function-arn"),
      traceId: header("trace-id"),
    };
  }

  async respond(requestId: string, payload: string): Promise<void> {
    await this.#call("POST", `/invocation/${requestId}/response`, payload);
  }

  async fail(requestId: string, error: FunctionErrorPayload): Promise<void> {
    await this.#call("POST", `/invocation/${requestId}/error`, JSON.stringify(error), error.errorType);
  }

  async failInit(error: FunctionErrorPayload): Promise<void> {
    await this.#call("POST", "/init/error", JSON.stringify(error), error.errorType);
  }

  async #call(method: string, path: string, body?: string, errorType?: string) {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request(this.#base + path, { method, agent: this.#agent }, resolve);
      outgoing.on("error", reject);
      if (body !== undefined) outgoing.setHeader("content-type", "application/json");
      if (errorType !== undefined) outgoing.setHeader("Lambda-Runtime-Function-Error-Type", errorType);
      outgoing.end(body);
    });
    return { response, body: await readPayload(response) };
  }
}
