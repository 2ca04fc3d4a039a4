import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import type { connectNodeAdapter } from "@connectrpc/connect-node";

type Handler = ReturnType<typeof connectNodeAdapter>;

/** How long closing waits for unfinished answers, in milliseconds. */
const graceMs = 1000;

/** A bound port of 127.0.0.1. */
export interface Listener {
  readonly url: string;
  /** Refuses new connections, waits for unfinished answers, then closes what is left. */
  close(): Promise<void>;
}

/** HTTP/2 cleartext, for gRPC. */
export async function listenHttp2(handler: Handler, port: number): Promise<Listener> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2Server(
    {
      // In megabytes. Node refuses streams of a session that buffers more; many streams soon exceed its default of 10.
      maxSessionMemory: 1024,
      settings: { maxConcurrentStreams: 100_000, initialWindowSize: 1 << 20 },
      // Aborting many streams at once is normal use, not a rapid-reset attack.
      streamResetBurst: 1_000_000,
      streamResetRate: 1_000_000,
    } as Parameters<typeof createHttp2Server>[0],
    handler,
  );
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  const url = await listen(server, port);
  return {
    url,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const session of sessions) session.close();
      await within(graceMs, closed, () => {
        for (const session of sessions) session.destroy();
      });
    },
  };
}

/** HTTP/1.1, for Connect and gRPC-Web. */
export async function listenHttp1(handler: Handler, port: number): Promise<Listener> {
  let open = 0;
  let idle = () => {};
  const server = createHttpServer((request, response) => {
    open++;
    response.once("close", () => {
      open--;
      if (open === 0) idle();
    });
    handler(request, response);
  });
  // A stream may be silent for any time.
  server.requestTimeout = 0;
  server.timeout = 0;
  const url = await listen(server, port);
  return {
    url,
    async close() {
      const closed = once(server, "close");
      server.close();
      idle = () => server.closeAllConnections();
      if (open === 0) idle();
      await within(graceMs, closed, () => server.closeAllConnections());
    },
  };
}

async function listen(server: Server, port: number): Promise<string> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Waits for `done`; calls `force` if that takes longer than `ms`. */
async function within(ms: number, done: Promise<unknown>, force: () => void): Promise<void> {
  const timer = setTimeout(force, ms);
  await done;
  clearTimeout(timer);
}
