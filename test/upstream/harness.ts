import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { expect, onTestFinished } from "vitest";
import { uuidBytes } from "../../local/upstream/ids.ts";
import { startUpstream, type Upstream, type UpstreamOptions } from "../../local/upstream/server.ts";
import { settle, TestClock } from "../support/test-clock.ts";

export const registry = "exreg";
export const repoId = uuidBytes("92f224c0-bb9a-4f2e-820d-28e1b887afc8");
export const workflowA = uuidBytes("4f6c54fb-2d87-4d22-b95e-447ad96400b8");
export const workflowB = uuidBytes("81a7b3dc-3f98-464b-bd87-b4f03fdc6b89");

export interface Fixture {
  readonly upstream: Upstream;
  readonly clock: TestClock;
}

/** An upstream on a clock that stands, with a registry, a root and a repo; closed when the test ends. */
export async function start(options: UpstreamOptions = {}): Promise<Fixture> {
  const clock = new TestClock();
  const upstream = await startUpstream({ clock, ...options });
  onTestFinished(async () => {
    await upstream.close();
    expect(upstream.openCalls).toBe(0);
    expect(clock.sleeping).toBe(0);
  });
  seed(upstream);
  return { upstream, clock };
}

export function seed(upstream: Upstream): void {
  upstream.seed.initRegistry(registry);
  upstream.seed.initRoot(registry, { globalRoot: "/ex", host: "h.example.org", hostRoot: "/data/ex" });
  upstream.seed.initRepo(registry, { globalPath: "/ex/repo", repoId });
}

export const protocols = {
  grpc: (upstream: Upstream, header: Record<string, string> = {}): Transport =>
    createGrpcTransport({ baseUrl: upstream.grpcUrl, acceptCompression: [], interceptors: [withHeader(header)] }),
  connect: (upstream: Upstream, header: Record<string, string> = {}): Transport =>
    createConnectTransport({ baseUrl: upstream.webUrl, useBinaryFormat: true, interceptors: [withHeader(header)] }),
  "grpc-web": (upstream: Upstream, header: Record<string, string> = {}): Transport =>
    createGrpcWebTransport({ baseUrl: upstream.webUrl, interceptors: [withHeader(header)] }),
};

export type Protocol = keyof typeof protocols;
export const protocolNames = Object.keys(protocols) as Protocol[];

function withHeader(header: Record<string, string>) {
  return <I, R>(next: (request: I & { header: Headers }) => Promise<R>) =>
    (request: I & { header: Headers }) => {
      for (const [name, value] of Object.entries(header)) request.header.set(name, value);
      return next(request);
    };
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const messages: T[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

/** The error that a call fails with. */
export async function failure(call: Promise<unknown> | AsyncIterable<unknown>): Promise<ConnectError> {
  try {
    await (Symbol.asyncIterator in call ? collect(call) : call);
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("expected the call to fail, it succeeded");
}

export async function expectFailure(
  call: Promise<unknown> | AsyncIterable<unknown>,
  code: Code,
  message: string | RegExp,
): Promise<void> {
  const error = await failure(call);
  expect(`${Code[error.code]}: ${error.rawMessage}`).toMatch(
    typeof message === "string"
      ? new RegExp(`^${Code[code]}: ${message.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`)
      : new RegExp(`^${Code[code]}: .*${message.source}`),
  );
}

/** Reads a watching stream message by message. */
export class Watch<T> {
  readonly #iterator: AsyncIterator<T>;

  constructor(stream: AsyncIterable<T>) {
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  async next(): Promise<T> {
    const result = await this.#iterator.next();
    if (result.done) throw new Error("expected a message, the stream ended");
    return result.value;
  }

  /** Resolves when the stream ends, with the messages until then. */
  async rest(): Promise<T[]> {
    return collect({ [Symbol.asyncIterator]: () => this.#iterator });
  }
}

/** Waits, without a timer, until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (condition()) return;
    await settle();
  }
  throw new Error("condition did not become true");
}
