import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * The role of a distant server: forwards each chunk after a delay, in order, and accepts more meanwhile. Prints its
 * URL; ends when standard input closes.
 */
export async function delayProxy([url = "", ms = ""]: readonly string[]): Promise<void> {
  const { hostname, port } = new URL(url);
  const server = createServer((socket) => {
    const onward = connect(Number(port), hostname);
    passOn(socket, onward, Number(ms));
    passOn(onward, socket, Number(ms));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  process.stdin.on("close", () => process.exit()).resume();
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
}

function passOn(from: Socket, to: Socket, ms: number): void {
  from.setNoDelay(true);
  from.on("data", (chunk) => setTimeout(() => to.writable && to.write(chunk), ms));
  from.on("end", () => setTimeout(() => to.end(), ms));
  from.on("error", () => to.destroy());
}
