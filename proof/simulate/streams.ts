import { defineSignalSource } from "../../functions/contract/signal-source.ts";
import { defineStream } from "../../functions/contract/stream.ts";
import { eventId } from "../../functions/contract/tail.ts";
import { LiveBroadcast } from "../../functions/nog/gen/nogfso/broadcast_pb.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";

const text = new TextEncoder();

/** The simulator does not encode messages: requests and messages of these are never made. */
const messages = {
  method: Repos.method.events,
  upstream: "books",
  request: ({ id }: { readonly id: string }) => ({ repo: text.encode(id) }),
  read: () => ({ events: [{ id: eventId(""), event: 0 }] }),
} as const;

/** A stream whose server says that it does not know a tail. Events are their positions. */
export const ledger = defineStream({
  ...messages,
  kind: "ledger",
  address: ["id"],
  tailUnknown: ({ rawMessage }) => rawMessage.includes("finding start failed"),
});

/** A stream whose server is silent about tails that it does not know, as nog's workflows. */
export const diary = defineStream({
  ...messages,
  kind: "diary",
  address: ["id"],
  tailUnknown: "silent",
  heartbeatMs: 30_000,
});

export const news = defineSignalSource({
  name: "news",
  upstream: "books",
  method: LiveBroadcast.method.aggregateSignals,
  request: () => ({}),
  read: () => [],
});
