import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, realpathSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Keeps a second start away from a data directory: two journals in one file would destroy it. The lock is a socket that
 * someone listens on, so a killed process holds it no longer. Throws an error that names the directory.
 */
export async function lockDirectory(directory: string): Promise<{ release(): Promise<void> }> {
  mkdirSync(directory, { recursive: true });
  const name = createHash("sha256").update(realpathSync(directory)).digest("hex").slice(0, 32);
  // In the folder itself the path could be longer than a socket's may be.
  const path = join(tmpdir(), `tailwake-${name}.lock`);
  const server = await listen(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    if (await answers(path)) throw new Error(`${directory}: expected to be free, is used by another start of Tailwake`);
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
