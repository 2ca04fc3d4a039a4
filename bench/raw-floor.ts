import { connect } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { RepoEventsISchema, RepoEventsOSchema } from "../functions/nog/gen/nogfso/repos_pb.ts";
import { contentTypes, eventsPath, type Protocol } from "./event-server.ts";

/**
 * The floor of a transport: counts the events of one call with only `node:http2` or fetch, and protobuf-es. It has no
 * deadlines, no error handling, and only the transport's own back pressure.
 */
export interface RawClient {
  count(): Promise<number>;
  close(): void;
}

export const rawClient = (url: string, protocol: Protocol): RawClient =>
  protocol === "grpc" ? rawGrpc(url) : rawFetch(url, protocol);

/** Large enough that a server never waits for a window update. */
const windowBytes = 64 * 1024 * 1024;

function rawGrpc(url: string): RawClient {
  const session = connect(url, { settings: { initialWindowSize: windowBytes } });
  session.once("connect", () => session.setLocalWindowSize(windowBytes));
  const count = () =>
    new Promise<number>((resolve, reject) => {
      const stream = session.request({
        ":method": "POST",
        ":path": eventsPath,
        "content-type": contentTypes.grpc,
        te: "trailers",
      });
      const counter = new FrameCounter();
      stream.on("data", (chunk: Buffer) => counter.add(chunk));
      stream.on("end", () => resolve(counter.events)).on("error", reject);
      stream.end(request());
    });
  return { count, close: () => session.close() };
}

function rawFetch(url: string, protocol: Protocol): RawClient {
  const count = async () => {
    const headers = { "content-type": contentTypes[protocol] };
    const response = await fetch(url + eventsPath, { method: "POST", headers, body: request() });
    const reader = response.body?.getReader();
    if (!reader) throw new Error(`${protocol}: no body`);
    const counter = new FrameCounter();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return counter.events;
      counter.add(value);
    }
  };
  return { count, close: () => {} };
}

const request = () =>
  encodeEnvelope(0, toBinary(RepoEventsISchema, create(RepoEventsISchema, { repo: new Uint8Array(16), watch: false })));

const prefixBytes = 5;

/** Splits chunks into messages, decodes them and counts their events. */
class FrameCounter {
  events = 0;
  #rest: Uint8Array = Buffer.alloc(0);

  add(chunk: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (bytes.length - at >= prefixBytes) {
      const end = at + prefixBytes + view.getUint32(at + 1);
      if (end > bytes.length) break;
      // Other frames are not messages: the end of a stream over fetch.
      if (bytes[at] === 0)
        this.events += fromBinary(RepoEventsOSchema, bytes.subarray(at + prefixBytes, end)).events.length;
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}
