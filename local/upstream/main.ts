import { parseArgs } from "node:util";
import { uuidText } from "./ids.ts";
import { startUpstream, type UpstreamOptions } from "./server.ts";

/**
 * The upstream as its own process:
 *
 *     main.ts [--data-dir DIR] [--port N] [--web-port N] [--heartbeat-ms N] [--events-per-message N]
 *             [--signal-loss none|aliasing] [--registry NAME [--root /GLOBAL=HOST:/PATH]... [--repo /GLOBAL/PATH]...]
 *
 * The environment variable TAILWAKE_UPSTREAM_TOKEN holds the token. Prints one line when ready,
 * `{"grpcUrl":"…","webUrl":"…","repos":{"<global path>":"<repo id, UUID text>"}}`, and exits when stdin closes or on
 * SIGTERM.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      "data-dir": { type: "string" },
      port: { type: "string" },
      "web-port": { type: "string" },
      "heartbeat-ms": { type: "string" },
      "events-per-message": { type: "string" },
      "signal-loss": { type: "string" },
      registry: { type: "string" },
      root: { type: "string", multiple: true, default: [] },
      repo: { type: "string", multiple: true, default: [] },
    },
  });
  const token = process.env.TAILWAKE_UPSTREAM_TOKEN;
  const options: { -readonly [K in keyof UpstreamOptions]: UpstreamOptions[K] } = {};
  if (values["data-dir"] !== undefined) options.dataDir = values["data-dir"];
  if (values.port !== undefined) options.port = wholeNumber("port", values.port);
  if (values["web-port"] !== undefined) options.webPort = wholeNumber("web-port", values["web-port"]);
  if (values["heartbeat-ms"] !== undefined) options.heartbeatMs = wholeNumber("heartbeat-ms", values["heartbeat-ms"]);
  if (values["events-per-message"] !== undefined) {
    options.eventsPerMessage = wholeNumber("events-per-message", values["events-per-message"]);
  }
  if (values["signal-loss"] !== undefined) options.signalLoss = signalLoss(values["signal-loss"]);
  if (token) options.token = token;

  const upstream = await startUpstream(options);
  const end = () => {
    process.stdin.destroy();
    void upstream.close();
  };
  process.once("SIGTERM", end);
  process.stdin.once("close", end).once("end", end).resume();

  const repos: Record<string, string> = {};
  if (values.registry !== undefined) {
    upstream.seed.initRegistry(values.registry);
    for (const root of values.root) upstream.seed.initRoot(values.registry, parseRoot(root));
    for (const globalPath of values.repo) {
      repos[globalPath] = uuidText(upstream.seed.initRepo(values.registry, { globalPath }));
    }
  }
  process.stdout.write(`${JSON.stringify({ grpcUrl: upstream.grpcUrl, webUrl: upstream.webUrl, repos })}\n`);
}

function parseRoot(text: string) {
  const [, globalRoot, host, hostRoot] = /^(\/[^=]*)=([^:]+):(\/.*)$/.exec(text) ?? [];
  if (globalRoot && host && hostRoot) return { globalRoot, host, hostRoot };
  throw new Error(`--root: expected /GLOBAL=HOST:/PATH, received ${text}`);
}

function wholeNumber(name: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`--${name}: expected a whole number, received ${text}`);
}

function signalLoss(text: string): "none" | "aliasing" {
  if (text === "none" || text === "aliasing") return text;
  throw new Error(`--signal-loss: expected none or aliasing, received ${text}`);
}

await main();
