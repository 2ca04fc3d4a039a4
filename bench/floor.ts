import { createClient } from "@connectrpc/connect";
import { Repos } from "../functions/nog/gen/nogfso/repos_pb.ts";
import type { UpstreamConnection } from "../functions/upstream/connection.ts";

/** The floor of everything that reads events: connect's client method and a counting loop. */
export async function countWithBareLoop({ transport }: UpstreamConnection): Promise<number> {
  let events = 0;
  const call = createClient(Repos, transport).events({ repo: new Uint8Array(16), watch: false });
  for await (const message of call) events += message.events.length;
  return events;
}

/** A figure is only valid if all work was done. */
export function expectCount(what: string, received: number, expected: number): void {
  if (received !== expected) throw new Error(`${what}: expected ${expected}, received ${received}`);
}
