import type { ConnectError } from "@connectrpc/connect";
import { defineSignalSource } from "../../functions/contract/signal-source.ts";
import { defineStream } from "../../functions/contract/stream.ts";
import { eventId } from "../../functions/contract/tail.ts";
import { LiveBroadcast } from "../../functions/nog/gen/nogfso/broadcast_pb.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";

const text = new TextEncoder();

/** The simulator does not encode messages, so these requests and messages are never created. */
const messages = {
  method: Repos.method.events,
  upstream: "books",
  request: ({ id }: { readonly id: string }) => ({ repo: text.encode(id) }),
  read: () => ({ events: [{ id: eventId(""), event: 0 }] }),
} as const;

const refused = {
  ...messages,
  tailUnknown: ({ rawMessage }: ConnectError) => rawMessage.includes("finding start failed"),
};

/** A stream whose server refuses an unknown tail. Event ids are positions. */
export const ledger = defineStream({ ...refused, kind: "ledger", address: ["id"] });

/** A stream whose server sends nothing for an unknown tail, as nog's workflows. */
export const diary = defineStream({
  ...messages,
  kind: "diary",
  upstream: "papers",
  address: ["id"],
  tailUnknown: "silent",
  heartbeatMs: 30_000,
  signals: [{ source: "papers", detailType: "DiaryChanged", address: (detail) => ({ id: String(Object(detail).id) }) }],
});

/** The bus event of the papers' service for a diary. */
export const diaryChanged = (id: string): string =>
  JSON.stringify({ source: "papers", "detail-type": "DiaryChanged", detail: { id } });

/** A stream on a server whose streams are cut. */
export const scroll = defineStream({ ...refused, kind: "scroll", upstream: "quarry", address: ["id"] });

export const news = defineSignalSource({
  name: "news",
  upstream: "books",
  method: LiveBroadcast.method.aggregateSignals,
  request: () => ({}),
  read: () => [],
});
