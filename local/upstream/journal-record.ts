/** Kinds of aggregates that have their own signals. */
export const aggregateTypes = ["main", "registry", "repo", "workflow", "ephemeral-workflow"] as const;
export type AggregateType = (typeof aggregateTypes)[number];

export interface StoredEvent {
  /** 16 bytes, ULID. */
  readonly id: Uint8Array;
  /** The encoded protobuf message; it contains id and parent too. */
  readonly bytes: Uint8Array;
}

/** One record of the journal file; applied as a whole or not at all. */
export type JournalRecord = { readonly history: Uint8Array } & (
  | {
      readonly op: "commit";
      readonly type: AggregateType;
      /** Head before the commit, 16 zero bytes for a new history. */
      readonly parent: Uint8Array;
      readonly events: readonly StoredEvent[];
    }
  | { readonly op: "delete" }
  /** Reading from the epoch starts behind the event `epoch`. */
  | { readonly op: "trim"; readonly epoch: Uint8Array }
  /** Events up to and including the epoch are deleted. */
  | { readonly op: "collect" }
);

const ops = ["commit", "delete", "trim", "collect"] as const;

/** Layout: u8 op, 16 bytes history, then by op; a commit: u8 type, 16 bytes parent, u32 count, (id, u32 length, bytes)*. */
export function encodeRecord(record: JournalRecord): Buffer {
  const head = Buffer.from([ops.indexOf(record.op), ...record.history]);
  switch (record.op) {
    case "commit":
      return encodeCommit(head, record);
    case "trim":
      return Buffer.concat([head, record.epoch]);
    default:
      return head;
  }
}

function encodeCommit(head: Buffer, record: JournalRecord & { op: "commit" }): Buffer {
  let size = head.length + 21;
  for (const event of record.events) size += 20 + event.bytes.length;
  const out = Buffer.allocUnsafe(size);
  out.set(head);
  let at = out.writeUInt8(aggregateTypes.indexOf(record.type), head.length);
  out.set(record.parent, at);
  at = out.writeUInt32BE(record.events.length, at + 16);
  for (const event of record.events) {
    out.set(event.id, at);
    at = out.writeUInt32BE(event.bytes.length, at + 16);
    out.set(event.bytes, at);
    at += event.bytes.length;
  }
  return out;
}

/** Decodes a record that shares memory with `payload`. Throws an `Error` if the payload is not a record. */
export function decodeRecord(payload: Buffer): JournalRecord {
  const op = ops[payload.readUInt8(0)];
  const history = slice(payload, 1, 16);
  switch (op) {
    case "commit":
      return decodeCommit(payload, history);
    case "trim":
      return { op, history, epoch: slice(payload, 17, 16) };
    case "delete":
    case "collect":
      return { op, history };
    default:
      throw new Error(`unknown operation ${payload.readUInt8(0)}`);
  }
}

function decodeCommit(payload: Buffer, history: Uint8Array): JournalRecord {
  const type = aggregateTypes[payload.readUInt8(17)];
  if (!type) throw new Error(`unknown aggregate type ${payload.readUInt8(17)}`);
  const parent = slice(payload, 18, 16);
  const events: StoredEvent[] = [];
  let at = 38;
  for (let left = payload.readUInt32BE(34); left > 0; left--) {
    const id = slice(payload, at, 16);
    const length = payload.readUInt32BE(at + 16);
    events.push({ id, bytes: slice(payload, at + 20, length) });
    at += 20 + length;
  }
  return { op: "commit", history, type, parent, events };
}

function slice(payload: Buffer, at: number, length: number): Uint8Array {
  if (at + length > payload.length) throw new Error(`expected ${at + length} bytes, received ${payload.length}`);
  return payload.subarray(at, at + length);
}
