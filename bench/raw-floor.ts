import { connect } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { RepoEventsISchema, RepoEventsOSchema } from "../functions/nog/gen/nogfso/repos_pb.ts";
import { eventsPath } from "./event-server.ts";

const prefixBytes = 5;
/** So large that a server never waits for word that it was read. */
const windowBytes = 64 * 1024 * 1024;

/**
 * The floor of the transports: the events of one call, counted with nothing but `node:http2` and protobuf-es. No
 * deadlines, no errors, no back pressure, nothing that waits.
 */
export class RawClient {
  readonly #session;

  constructor(url: string) {
    this.#session = connect(url, { settings: { initialWindowSize: windowBytes } });
    this.#session.once("connect", () => this.#session.setLocalWindowSize(windowBytes));
  }

  count(): Promise<number> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ":method": "POST",
        ":path": eventsPath,
        "content-type": "application/grpc+proto",
        te: "trailers",
      });
      let events = 0;
      let rest: Buffer = Buffer.alloc(0);
      stream.on("data", (chunk: Buffer) => {
        const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        let at = 0;
        while (bytes.length - at >= prefixBytes) {
          const end = at + prefixBytes + bytes.readUInt32BE(at + 1);
          if (end > bytes.length) break;
          events += fromBinary(RepoEventsOSchema, bytes.subarray(at + prefixBytes, end)).events.length;
          at = end;
        }
        rest = bytes.subarray(at);
      });
      stream.on("end", () => resolve(events)).on("error", reject);
      const request = create(RepoEventsISchema, { repo: new Uint8Array(16), watch: false });
      stream.end(encodeEnvelope(0, toBinary(RepoEventsISchema, request)));
    });
  }

  close(): void {
    this.#session.close();
  }
}
