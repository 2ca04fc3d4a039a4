import { createServer, type ServerHttp2Stream } from "node:http2";
import { createInterface } from "node:readline";
import { encodeFrame, event, eventsPath, listen, manyStreams, responseHeaders } from "./event-server.ts";

/** As in nog's Go packages (backend/internal/nogfsoregd/registryd/registryd.go at 4450389). */
const heartbeatMs = 10_000;

/**
 * The role of a server of idle watches: plain HTTP/2 with frames encoded beforehand. Each call of nogfso.Repos/Events
 * stays open and sends willBlock at once and every ten seconds. A line of input sends one event to all calls.
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
