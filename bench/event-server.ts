import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { RepoEvent_Type, RepoEventsOSchema } from "../functions/nog/gen/nogfso/repos_pb.ts";
import { type Child, startRole } from "./child.ts";

/** What a server sends for each call of nogfso.Repos/Events, whatever it is asked for. */
export interface EventServerOptions {
  /** Events of one call. */
  readonly events: number;
  readonly perMessage: number;
  /** Calls with events of their own; then they come again. */
  readonly calls: number;
}

/** An event server in a process of its own. */
export async function startEventServer({ events, perMessage, calls }: EventServerOptions): Promise<{
  readonly url: string;
  readonly child: Child;
}> {
  const child = startRole("serve-events", [events, perMessage, calls]);
  return { url: await child.line(), child };
}

/**
 * The role of that process: plain HTTP/2 and frames that are encoded before the first call, so that it is the client
 * that is measured. Prints its URL; ends when standard input closes.
 */
export async function serveEvents(args: readonly string[]): Promise<void> {
  const [events = 0, perMessage = 0, calls = 0] = args.map(Number);
  const answers = Array.from({ length: calls }, (_, call) => encodeCall(call, events, perMessage));
  let served = 0;
  const server = createServer();
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    stream.respond(responseHeaders, { waitForTrailers: true, endStream: false });
    const known = headers[":path"] === eventsPath;
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": known ? "0" : "12" }));
    const answer = known ? answers[served++ % answers.length] : undefined;
    stream.on("end", () => send(stream, answer ?? Buffer.alloc(0))).resume();
  });
  await listen(server);
}

/** The only method that a server of the benchmarks knows. */
export const eventsPath = "/nogfso.Repos/Events";
export const responseHeaders = { ":status": 200, "content-type": "application/grpc+proto" };

/** Prints its URL; the process ends when standard input closes. */
export async function listen(server: Http2Server): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  process.stdin.on("close", () => process.exit()).resume();
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
}

const chunkBytes = 64 * 1024;

function send(stream: ServerHttp2Stream, answer: Buffer): void {
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
/** So long that an event takes 111 bytes on the wire when it is alone in its message. */
const text = "the disk of the shadow repository is full now".padEnd(45, ".");

/** The frames of one call, one after the other. */
function encodeCall(call: number, events: number, perMessage: number): Buffer {
  const frames: Buffer[] = [];
  for (let first = 0; first < events; first += perMessage) {
    const length = Math.min(perMessage, events - first);
    frames.push(encodeFrame({ events: Array.from({ length }, (_, i) => event(call, first + i + 1)) }));
  }
  return Buffer.concat(frames);
}

type Message = MessageInitShape<typeof RepoEventsOSchema>;

/** One event of a call; positions begin at 1. */
export function event(call: number, position: number) {
  return {
    event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET,
    id: eventId(call, position),
    parent: eventId(call, position - 1),
    fsoRepoErrorMessage: text,
  };
}

/** The frame of one message: a byte for "not compressed", the length, the message. */
export function encodeFrame(init: Message): Buffer {
  const message = toBinary(RepoEventsOSchema, create(RepoEventsOSchema, { repo, ...init }));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function eventId(call: number, position: number): Uint8Array {
  const id = Buffer.alloc(16, 1);
  id.writeUInt32BE(call, 8);
  id.writeUInt32BE(position, 12);
  return id;
}
