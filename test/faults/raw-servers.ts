import { once } from "node:events";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { constants, createServer as createHttp2Server, type Http2Server } from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Writable } from "node:stream";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { onTestFinished } from "vitest";
import { systemClock } from "../../functions/foundation/clock.ts";
import {
  RepoEventSchema,
  type RepoEventsI,
  type RepoEventsO,
  RepoEventsOSchema,
  Repos,
} from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { Upstream as Nog } from "../../local/upstream/server.ts";
import { settle } from "../support/test-clock.ts";
import { type Protocol, repoId } from "../upstream/harness.ts";

/** The destination of a connection: the URL of a server, or a handler. */
export type Target = string | ((socket: Socket) => void);

/**
 * A port of 127.0.0.1 whose connections go to a target that the test selects: a server that breaks and is repaired at
 * the same address.
 */
export class Gate {
  readonly url: string;
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #sockets = new Set<Socket>();
  #target: Target;
  /** Number of connections so far. */
  accepted = 0;

  private constructor(port: number, target: Target) {
    this.url = `http://127.0.0.1:${port}`;
    this.#target = target;
  }

  /** Opens a gate until the test ends. */
  static async open(target: Target): Promise<Gate> {
    const port = await freePort();
    const gate = new Gate(port, target);
    gate.#server.listen(port, "127.0.0.1");
    await once(gate.#server, "listening");
    onTestFinished(async () => {
      gate.#server.close();
      await gate.#cut();
    });
    return gate;
  }

  /** Sends new connections to this target. Cuts the open ones, and resolves when their clients have noticed. */
  async redirect(target: Target): Promise<void> {
    this.#target = target;
    await this.#cut();
  }

  async #cut(): Promise<void> {
    // Not the ones opened meanwhile: undici opens an unused connection after it has aborted a request.
    const sockets = [...this.#sockets];
    for (const socket of sockets) socket.destroy();
    while (sockets.some(({ closed }) => !closed)) await settle();
    await settle();
  }

  #accept(socket: Socket): void {
    this.accepted++;
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
    if (typeof this.#target === "string") pass(socket, this.#target);
    else this.#target(socket);
  }
}

/** Pipes both directions, including the end. */
function pass(socket: Socket, url: string): void {
  const server = connect(Number(new URL(url).port), "127.0.0.1");
  server.on("error", () => socket.destroy());
  server.once("close", () => socket.destroy());
  socket.once("close", () => server.destroy());
  socket.pipe(server).pipe(socket);
}

/** A port without a listener. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

// ── servers that keep the protocol ───────────────────────────────────────────────────────────────

/** The answer of a server to a request for the events of a repo. */
export type Script = (request: RepoEventsI, context: HandlerContext) => AsyncIterable<Partial<Init>>;
type Init = Pick<RepoEventsO, "events" | "willBlock">;

/**
 * A server of `Repos.Events` in one of the protocols, which answers as the script says. Over HTTP/2 it also reports
 * pings.
 */
export function scripted(protocol: Protocol, script: Script, onPing: () => void = () => {}): Target {
  const handler = connectNodeAdapter({
    acceptCompression: [],
    routes: (router) =>
      router.service(Repos, {
        async *events(request, context) {
          for await (const message of script(request, context)) yield { repo: request.repo, ...message };
        },
      }),
  });
  if (protocol !== "grpc") return into(createHttpServer(handler));
  return into(createHttp2Server(handler).on("session", (session) => session.on("ping", onPing)));
}

/** The events of the repo after the given one, as in the journal; all if absent. */
export function eventsAfter({ journal }: Nog, after?: Uint8Array): RepoEventsO["events"] {
  const found = after === undefined || after.length === 0 ? journal.read(repoId) : journal.read(repoId, after);
  return found.map(({ bytes }) => fromBinary(RepoEventSchema, bytes));
}

// ── servers that do not ──────────────────────────────────────────────────────────────────────────

/** The answer to one call, byte by byte. */
export interface Answer {
  /** Aborts when the client no longer reads the answer. */
  readonly signal: AbortSignal;
  /** Writes the headers of a valid answer, unless given others. */
  head(head?: {
    readonly status?: number;
    readonly contentType?: string;
    readonly more?: Record<string, string>;
  }): void;
  /** Writes; resolves when there is room for more, or the client no longer reads. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the answer as in the protocol, with this gRPC status; 0 is success. */
  finish(status?: number | string): void;
  /** Ends the body without a status. */
  stop(): void;
  /** Aborts the answer. HTTP/2: the stream, with this code; HTTP/1.1: the connection. */
  reset(code?: number): void;
  /** HTTP/2: sends GOAWAY for the connection. */
  goAway(code: number, data?: string): void;
}

const contentTypes: Readonly<Record<Protocol, string>> = {
  grpc: "application/grpc+proto",
  connect: "application/connect+proto",
  "grpc-web": "application/grpc-web+proto",
};

/** A server that answers each call with `answer`, once the request is complete. */
export function answering(protocol: Protocol, answer: (to: Answer) => void): Target {
  return protocol === "grpc" ? answeringHttp2(answer) : answeringHttp1(protocol, answer);
}

function answeringHttp2(answer: (to: Answer) => void): Target {
  const server = createHttp2Server();
  server.on("sessionError", () => {});
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.resume();
    const over = new AbortController();
    stream.once("close", () => over.abort());
    let trailers: Record<string, string> | undefined;
    stream.on("wantTrailers", () =>
      trailers ? stream.sendTrailers(trailers) : stream.close(constants.NGHTTP2_NO_ERROR),
    );
    answer({
      signal: over.signal,
      head({ status = 200, contentType = contentTypes.grpc, more = {} } = {}) {
        stream.respond({ ":status": status, "content-type": contentType, ...more }, { waitForTrailers: true });
      },
      write: (bytes) => written(stream, bytes, over.signal),
      finish(status = 0) {
        trailers = { "grpc-status": `${status}` };
        stream.end();
      },
      stop: () => void stream.end(),
      // Not in the turn that wrote: Node 24.21 would write forever and not return.
      reset: (code = constants.NGHTTP2_INTERNAL_ERROR) => void setImmediate(() => stream.close(code)),
      goAway: (code, data = "") => stream.session?.goaway(code, 0, Buffer.from(data)),
    });
  });
  return into(server);
}

function answeringHttp1(protocol: "connect" | "grpc-web", answer: (to: Answer) => void): Target {
  const server = createHttpServer((request, response) => {
    response.on("error", () => {});
    const over = new AbortController();
    response.once("close", () => over.abort());
    request.resume().once("end", () =>
      answer({
        signal: over.signal,
        head({ status = 200, contentType = contentTypes[protocol], more = {} } = {}) {
          response.writeHead(status, { "content-type": contentType, ...more });
          response.flushHeaders();
        },
        write: (bytes) => written(response, bytes, over.signal),
        finish: (status = 0) => void response.end(lastFrame(protocol, status)),
        stop: () => void response.end(),
        reset: () => void request.socket.resetAndDestroy(),
        goAway: () => void response.destroy(),
      }),
    );
  });
  return into(server);
}

async function written(to: Writable, bytes: Uint8Array, over: AbortSignal): Promise<void> {
  if (!to.write(bytes)) await once(to, "drain", { signal: over }).catch(() => {});
}

function lastFrame(protocol: "connect" | "grpc-web", status: number | string): Buffer {
  if (protocol === "grpc-web") return frame(Buffer.from(`grpc-status: ${status}\r\n`), { flags: 0x80 });
  return frame(Buffer.from(status === 0 ? "{}" : `{"error":{"code":${JSON.stringify(status)}}}`), { flags: 2 });
}

/** A frame of any of the protocols: flags, length and message. The length may be wrong. */
export function frame(data: Uint8Array, { flags = 0, length = data.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, data]);
}

/** The message that nog would send for these events. */
export function message(...events: RepoEventsO["events"]): Uint8Array {
  return toBinary(RepoEventsOSchema, create(RepoEventsOSchema, { repo: repoId, events }));
}

/**
 * A server that answers any request with `first`, and then with `more` forever: as fast as the client reads, or every
 * 20 ms.
 */
export function saying(first: Uint8Array | string, more?: Uint8Array | string, pace: "fast" | "slow" = "fast"): Target {
  return (socket) => {
    const over = new AbortController();
    socket.once("close", () => over.abort());
    const goOn = async () => {
      while (more !== undefined && !over.signal.aborted) {
        const taken = socket.write(more);
        if (pace === "slow") await systemClock.sleep(20, over.signal);
        else if (!taken) await once(socket, "drain", { signal: over.signal }).catch(() => {});
      }
    };
    socket.once("data", () => {
      socket.resume();
      socket.write(first);
      void goOn();
    });
  };
}

/** One frame of HTTP/2. */
export function http2Frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Pseudorandom bytes, the same for the same number. */
export function noise(number: number, length = 50_000): Uint8Array {
  let state = number;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

/** These servers do not listen: the gate passes them its connections. */
function into(server: HttpServer | Http2Server): Target {
  return (socket) => void server.emit("connection", socket);
}
