import { createServer, type ServerHttp2Stream } from "node:http2";
import { createInterface } from "node:readline";
import { encodeFrame, event, eventsPath, listen, manyStreams, responseHeaders } from "./event-server.ts";

/** As nog's servers do (seed: nog 4450389, registryd.go). */
const heartbeatMs = 10_000;

/**
 * The role of a server of idle watches, like that of events plain HTTP/2 with frames encoded beforehand. Each call of
 * nogfso.Repos/Events stays open and says that it will block, at once and every ten seconds. A line on standard input
 * sends one event to all of them.
 */
export async function serveWatches(): Promise<void> {
  const willBlock = encodeFrame({ willBlock: true });
  const open = new Set<ServerHttp2Stream>();
  const server = createServer(manyStreams);
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    if (headers[":path"] !== eventsPath) return stream.close();
    stream.respond(responseHeaders);
    stream.write(willBlock);
    const beating = setInterval(() => stream.write(willBlock), heartbeatMs);
    open.add(stream);
    stream.once("close", () => {
      clearInterval(beating);
      open.delete(stream);
    });
    stream.resume();
  });
  let events = 0;
  createInterface(process.stdin).on("line", () => {
    const news = encodeFrame({ events: [event(0, ++events)] });
    for (const stream of open) stream.write(Buffer.concat([news, willBlock]));
  });
  await listen(server);
}
