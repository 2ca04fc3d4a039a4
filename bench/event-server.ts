import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
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
    stream.respond(
      { ":status": 200, "content-type": "application/grpc+proto" },
      { waitForTrailers: true, endStream: false },
    );
    const known = headers[":path"] === "/nogfso.Repos/Events";
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": known ? "0" : "12" }));
    const answer = known ? answers[served++ % answers.length] : undefined;
    stream.on("end", () => send(stream, answer ?? Buffer.alloc(0))).resume();
  });
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

/** The frames of one call, one after the other: a byte for "not compressed", the length, the message. */
function encodeCall(call: number, events: number, perMessage: number): Buffer {
  const frames: Uint8Array[] = [];
  for (let first = 0; first < events; first += perMessage) {
    const message = toBinary(
      RepoEventsOSchema,
      create(RepoEventsOSchema, {
        repo,
        events: Array.from({ length: Math.min(perMessage, events - first) }, (_, i) => ({
          event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET,
          id: eventId(call, first + i + 1),
          parent: eventId(call, first + i),
          fsoRepoErrorMessage: text,
        })),
      }),
    );
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    frames.push(head, message);
  }
  return Buffer.concat(frames);
}

function eventId(call: number, position: number): Uint8Array {
  const id = Buffer.alloc(16, 1);
  id.writeUInt32BE(call, 8);
  id.writeUInt32BE(position, 12);
  return id;
}
