import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, type Desk, systemClock } from "tailwake/operate";
import { Access, isForHost, isOfSameOrigin } from "./access.ts";
import { createApi, maxNameLength } from "./api.ts";
import { optionalText } from "./fields.ts";
import { LiveUpdates } from "./live.ts";
import { forwardHtml, pageHtml, refusalHtml } from "./page-html.ts";
import { problemOf, Refusal } from "./refusal.ts";

export interface ConsoleOptions {
  readonly desk: Desk;
  /** The operator recorded for actions; at most 100 characters. */
  readonly by: string;
  /** Title of the deployment. */
  readonly deployment: string;
  /** Folder of the built page, page.js and page.css; default: beside this program. */
  readonly pageFolder?: string | undefined;
  /** Default: a free port. */
  readonly port?: number | undefined;
  /** Ends the lazy function's processes and returns their number; only for local functions. */
  readonly kill?: (() => Promise<number>) | undefined;
  /** Clock of the pauses between two reads of the table. */
  readonly clock?: Clock | undefined;
}

export interface Console {
  /** The URL with the token; it works once. */
  readonly url: string;
  close(): Promise<void>;
}

const html = "text/html; charset=utf-8";
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

const besideThis = fileURLToPath(new URL(".", import.meta.url));

/** A task's name can be as long as its key in the table, and a URL takes three bytes for each of its bytes. */
const maxHeadersBytes = 65_536;

/** Serves the operators' page on 127.0.0.1 to the first bearer of the URL. Rejects if the port is taken. */
export async function startConsole(options: ConsoleOptions): Promise<Console> {
  const { desk, by, deployment, pageFolder = besideThis, port = 0, kill, clock = systemClock } = options;
  const about = { deployment, by, canKill: kill !== undefined };
  const liveUpdates = new LiveUpdates(desk, clock, about);
  const access = new Access();
  const api = createApi({ desk, liveUpdates, by, kill });
  const files: Readonly<Record<string, { readonly type: string; readonly body: string }>> = {
    "": { type: html, body: pageHtml },
    "page.js": { type: "text/javascript; charset=utf-8", body: await readFile(join(pageFolder, "page.js"), "utf8") },
    "page.css": { type: "text/css; charset=utf-8", body: await readFile(join(pageFolder, "page.css"), "utf8") },
  };
  const server = createServer({ maxHeaderSize: maxHeadersBytes }, (request, response) => {
    response.setHeader("content-security-policy", policy);
    response.setHeader("x-content-type-options", "nosniff");
    response.setHeader("referrer-policy", "no-referrer");
    response.setHeader("cache-control", "no-store");
    handle(request, response).catch(() => response.destroy());
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const listening = portOf(server);

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isForHost(request, listening))
      return refuse(response, "This console answers only at 127.0.0.1 and localhost.");
    // "//" is a valid path for a client, but not a valid URL.
    const { pathname, searchParams } = new URL(`http://console${request.url}`);
    const token = searchParams.get("token");
    if (pathname === "/" && token !== null) return enter(request, response, token);
    const path = pathname.startsWith(access.path) ? pathname.slice(access.path.length) : undefined;
    if (path === undefined || !access.hasSession(request)) return refuse(response, noSession);
    if (path.startsWith("api/")) return answer(request, response, path.slice("api/".length), searchParams);
    const file = Object.hasOwn(files, path) ? files[path] : undefined;
    if (!file || (request.method !== "GET" && request.method !== "HEAD")) {
      response.writeHead(file ? 405 : 404, { "content-type": "text/plain" }).end();
      return;
    }
    response.writeHead(200, { "content-type": file.type }).end(file.body);
  }

  function enter(request: IncomingMessage, response: ServerResponse, token: string): void {
    const entered = request.method === "GET" ? access.enter(token) : "wrong";
    if (typeof entered === "string") refuse(response, entered === "used" ? usedToken : noSession);
    // Do not redirect: after a link from another site, the browser would not send the new cookie along.
    else response.writeHead(200, { "set-cookie": entered.cookie, "content-type": html }).end(forwardHtml(access.path));
  }

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
  ): Promise<void> {
    try {
      if (!isOfSameOrigin(request)) throw new Refusal(403, "expected a request of the console's own page");
      if (path === "live" && request.method === "GET") {
        const task = optionalText(Object.fromEntries(query), "task", maxNameLength);
        return liveUpdates.stream(request, response, task);
      }
      json(response, 200, await api(request, path, query));
    } catch (error) {
      const { status, problem } = problemOf(error);
      // Close the connection instead of reading the rest of the body.
      if (!request.complete) response.setHeader("connection", "close");
      json(response, status, { error: problem });
    }
  }

  return {
    url: `http://127.0.0.1:${listening}/?token=${access.token}`,
    async close() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const noSession = "This browser has no session here. Open the URL that the console printed when it was started.";
const usedToken =
  "This URL was used before: it opens one session only. If that was not you, end the console at once. " +
  "Start it again for another URL.";

function refuse(response: ServerResponse, why: string): void {
  response.writeHead(403, { "content-type": html }).end(refusalHtml(why));
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function portOf(server: Server): number {
  const address = server.address();
  if (address !== null && typeof address !== "string") return address.port;
  throw new Error("The console listens on no TCP port.");
}
