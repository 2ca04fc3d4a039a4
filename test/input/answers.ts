import { create, toBinary } from "@bufbuild/protobuf";
import fc, { type Arbitrary } from "fast-check";
import { RepoEvent_Type, RepoEventSchema, RepoEventsOSchema } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { type Answer, frame } from "../faults/raw-servers.ts";
import { ulid } from "../nog/messages.ts";
import { repoId } from "../upstream/harness.ts";
import { brokenBytes, hostileText } from "./arbitraries.ts";

/** Ids that a stream of this kind cannot have, ones that come again, and one of an event that others know. */
const id = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 3 }).map((n) => ulid(n)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => Uint8Array.from(bytes)) },
);
const event = fc
  .tuple(id, fc.oneof(hostileText, fc.constant("oops")), fc.integer({ min: 0, max: 400 }))
  .map(([eventId, text, type]) =>
    create(RepoEventSchema, {
      id: eventId,
      event: type % 2 === 0 ? RepoEvent_Type.EV_FSO_REPO_ERROR_SET : (type as RepoEvent_Type),
      fsoRepoErrorMessage: Buffer.from(text).toString(),
    }),
  );
/** A message in which a server sends events: of this repo, or of another one. */
const message: Arbitrary<Uint8Array> = fc
  .tuple(fc.array(event, { maxLength: 3 }), fc.boolean(), fc.constantFrom(repoId, new Uint8Array(), new Uint8Array(16)))
  .map(([events, willBlock, repo]) =>
    toBinary(RepoEventsOSchema, create(RepoEventsOSchema, { repo, events, willBlock })),
  );
const giant = toBinary(
  RepoEventsOSchema,
  create(RepoEventsOSchema, {
    repo: repoId,
    events: [
      { id: ulid(1), event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET, fsoRepoErrorMessage: "x".repeat(8 * 2 ** 20) },
    ],
  }),
);

const piece: Arbitrary<Uint8Array> = fc.oneof(
  { weight: 8, arbitrary: message.map((data) => frame(data)) },
  { weight: 4, arbitrary: brokenBytes(message).map((data) => frame(data)) },
  { weight: 4, arbitrary: brokenBytes(message.map((data) => frame(data))) },
  {
    weight: 2,
    arbitrary: fc.tuple(message, fc.integer({ min: 0, max: 255 })).map(([data, flags]) => frame(data, { flags })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(message, fc.constantFrom(0, 1, 5, 70_000, 0x7fffffff, 0xffffffff))
      .map(([data, length]) => frame(data, { length })),
  },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 100 }) },
  { weight: 1, arbitrary: hostileText.map((text) => Buffer.from(text)) },
);

/** What HTTP lets a server send. */
const headerText = hostileText.map((text) =>
  text
    .replaceAll(/[^ -~]/g, "")
    .trim()
    .slice(0, 2_000),
);

const ending = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ how: "finish", status: 0 } as const) },
  {
    weight: 3,
    arbitrary: fc.record({ how: fc.constant("finish" as const), status: fc.oneof(fc.nat(20), headerText) }),
  },
  { weight: 2, arbitrary: fc.constant({ how: "stop" } as const) },
  { weight: 2, arbitrary: fc.constant({ how: "reset" } as const) },
);

/** A server's answer to a call for a stream, in whatever protocol; never one that does not end. */
export const hostileAnswer = fc.record({
  status: fc.oneof({ weight: 6, arbitrary: fc.constant(200) }, fc.constantFrom(204, 302, 400, 401, 404, 429, 500, 503)),
  contentType: fc.oneof(
    { weight: 8, arbitrary: fc.constant(undefined) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("text/html", "application/json", "application/grpc", "application/connect+json"),
    },
    { weight: 1, arbitrary: headerText },
  ),
  pieces: fc.oneof(
    { weight: 30, arbitrary: fc.array(piece, { maxLength: 5 }) },
    { weight: 1, arbitrary: fc.constant([frame(giant)]) },
  ),
  ending,
});

type HostileAnswer = typeof hostileAnswer extends Arbitrary<infer T> ? T : never;

export function giveAnswer(to: Answer, { status, contentType, pieces, ending }: HostileAnswer): void {
  to.head({ status, ...(contentType !== undefined && { contentType }) });
  for (const bytes of pieces) if (bytes.length > 0) to.write(bytes);
  if (ending.how === "finish") to.finish(ending.status);
  else if (ending.how === "stop") to.stop();
  else to.reset();
}
