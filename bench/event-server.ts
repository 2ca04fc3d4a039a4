import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import type { Writable } from "node:stream";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { RepoEvent_Type, RepoEventsOSchema } from "../functions/nog/gen/nogfso/repos_pb.ts";
import type { Upstream } from "../functions/upstream/upstream.ts";
import { type Child, startRole } from "./child.ts";

export type Protocol = Upstream["protocol"];

/** The answer of the server to each call of nogfso.Repos/Events, whatever the request. */
export interface EventServerOptions {
  /** Events of one call. */
  readonly events: number;
  readonly perMessage: number;
  /** Number of calls with distinct events; then they repeat. */
  readonly calls: number;
  /** Default: gRPC over HTTP/2. The others use HTTP/1.1, as fetch does. */
  readonly protocol?: Protocol;
}

/** Starts an event server in its own process. */
export async function startEventServer({ events, perMessage, calls, protocol = "grpc" }: EventServerOptions): Promise<{
  readonly url: string;
  readonly child: Child;
}> {
  const child = startRole("serve-events", [protocol, events, perMessage, calls]);
  return { url: await child.line(), child };
}

/**
 * The role of that process: plain HTTP, with frames encoded before the first call, so that the client is the
 * bottleneck. Prints its URL; ends when standard input closes.
 */
export async function serveEvents([protocol, ...numbers]: readonly string[]): Promise<void> {
  const [events = 0, perMessage = 0, calls = 0] = numbers.map(Number);
  const end = endFrames[protocol as Protocol];
  const answers = Array.from({ length: calls }, (_, call) =>
    Buffer.concat([...encodeCall(call, events, perMessage), end]),
  );
  let served = 0;
  const answerTo = (path: string | undefined) =>
    (path === eventsPath ? answers[served++ % answers.length] : undefined) ?? end;
  await listen(protocol === "grpc" ? grpcServer(answerTo) : fetchServer(protocol as Protocol, answerTo));
}

function grpcServer(answerTo: (path: string | undefined) => Buffer): Http2Server {
  const server = createServer(manyStreams);
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    stream.respond(responseHeaders, { waitForTrailers: true, endStream: false });
    const known = headers[":path"] === eventsPath;
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": known ? "0" : "12" }));
    stream.on("end", () => send(stream, answerTo(headers[":path"]))).resume();
  });
  return server;
}

function fetchServer(protocol: Protocol, answerTo: (path: string | undefined) => Buffer): Server {
  return createHttpServer((request, response) => {
    response.on("error", () => {});
    response.writeHead(200, { "content-type": contentTypes[protocol] });
    request.on("end", () => send(response, answerTo(request.url))).resume();
  });
}

export const contentTypes: Readonly<Record<Protocol, string>> = {
  grpc: "application/grpc+proto",
  "grpc-web": "application/grpc-web+proto",
  connect: "application/connect+proto",
};

/** The frame after the messages of a successful stream; gRPC uses trailers instead. */
const endFrames: Readonly<Record<Protocol, Buffer>> = {
  grpc: Buffer.alloc(0),
  "grpc-web": frame(0x80, Buffer.from("grpc-status: 0\r\n")),
  connect: frame(0x02, Buffer.from("{}")),
};

/** local/upstream/listener.ts explains each of these settings. */
export const manyStreams = {
  maxSessionMemory: 1024,
  settings: { maxConcurrentStreams: 100_000, initialWindowSize: 1 << 20 },
  streamResetBurst: 1_000_000,
  streamResetRate: 1_000_000,
} as Parameters<typeof createServer>[0];

/** The only method of the benchmark servers. */
export const eventsPath = "/nogfso.Repos/Events";
export const responseHeaders = { ":status": 200, "content-type": contentTypes.grpc };

/** Prints the URL; the process ends when standard input closes. */
export async function listen(server: Server | Http2Server): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  process.stdin.on("close", () => process.exit()).resume();
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
}

const chunkBytes = 64 * 1024;

function send(stream: Writable, answer: Buffer): void {
  let sent = 0;
  const more = () => {
    while (sent < answer.length) {
      const chunk = answer.subarray(sent, sent + chunkBytes);
      sent += chunk.length;
      if (!stream.write(chunk)) {
        stream.once("drain", more);
        return;
      }
    }
    stream.end();
  };
  more();
}

const repo = Buffer.alloc(16, 7);
/** A length at which an event takes 111 bytes on the wire if it is alone in its message. */
const text = "the disk of the shadow repository is full now".padEnd(45, ".");

/** The frames of one call, in order. */
function encodeCall(call: number, events: number, perMessage: number): Buffer[] {
  const frames: Buffer[] = [];
  for (let first = 0; first < events; first += perMessage) {
    const length = Math.min(perMessage, events - first);
    frames.push(encodeFrame({ events: Array.from({ length }, (_, i) => event(call, first + i + 1)) }));
  }
  return frames;
}

type Message = MessageInitShape<typeof RepoEventsOSchema>;

/** One event of a call; positions start at 1. */
export function event(call: number, position: number) {
  return {
    event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET,
    id: eventId(call, position),
    parent: eventId(call, position - 1),
    fsoRepoErrorMessage: text,
  };
}

/** The frame of one uncompressed message. */
export function encodeFrame(init: Message): Buffer {
  return frame(0, toBinary(RepoEventsOSchema, create(RepoEventsOSchema, { repo, ...init })));
}

/** Encodes a frame: a byte of flags, the length, the content. */
function frame(flags: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

function eventId(call: number, position: number): Uint8Array {
  const id = Buffer.alloc(16, 1);
  id.writeUInt32BE(call, 8);
  id.writeUInt32BE(position, 12);
  return id;
}
