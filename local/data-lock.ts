import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, realpathSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Locks a data directory: two processes writing one journal would destroy it. The lock is a listening socket, so it
 * ends with its process. Throws an error that names the directory.
 */
export async function lockDirectory(directory: string): Promise<{ release(): Promise<void> }> {
  mkdirSync(directory, { recursive: true });
  const name = createHash("sha256").update(realpathSync(directory)).digest("hex").slice(0, 32);
  // A path inside the directory could exceed the maximum length of a socket path.
  const path = join(tmpdir(), `tailwake-${name}.lock`);
  const server = await listen(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    if (await answers(path))
      throw new Error(`${directory}: expected an unused directory, but another process of Tailwake uses it`);
    rmSync(path, { force: true });
    return listen(path);
  });
  return {
    async release() {
      server.close();
      await once(server, "close");
    },
  };
}

async function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen(path);
  await once(server, "listening");
  return server;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
  });
}
