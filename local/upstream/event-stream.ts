import type { HandlerContext } from "@connectrpc/connect";
import type { Calls } from "./calls.ts";
import type { Domain } from "./domain.ts";
import type { EventLog, EventMessage } from "./event-log.ts";
import { unparsable, wrapping } from "./fault.ts";
import { Heartbeat } from "./heartbeat.ts";
import { equalIds, zeroId } from "./ids.ts";
import type { StoredEvent } from "./journal-record.ts";

/** Settings shared by the event streams of one server. */
export interface StreamSettings {
  readonly domain: Domain;
  readonly calls: Calls;
  /** Events per message; nog sends 1. */
  readonly eventsPerMessage: number;
  /** Interval of the empty messages of an idle watch. */
  readonly heartbeatMs: number;
}

/** One subscription to one history. */
export interface Subscription<E extends EventMessage, O> {
  readonly log: EventLog<E>;
  readonly history: Uint8Array;
  /** 16 zero bytes: from the epoch. */
  readonly after: Uint8Array;
  readonly watch: boolean;
  /**
   * "loud" refuses an unknown `after`. Otherwise the stream reads the whole history and sends the events behind
   * `after`, so nothing if there is no such event; `checkFirst` gets the history's first event before anything is sent.
   */
  readonly start: "loud" | { readonly checkFirst: (event: E) => void };
  /** Prefix of the text of journal errors, such as "journal error: ". */
  readonly errorPrefix: string;
  readonly message: (events: E[]) => O;
  readonly willBlock: () => O;
}

/**
 * The messages of an event stream as nog 4450389 sends them (backend/internal/nogfsoregd/registryd/registryd.go): the
 * events up to the head. A watch then says that it will block, and again after each update and each heartbeat.
 */
export async function* streamEvents<E extends EventMessage, O>(
  settings: StreamSettings,
  context: HandlerContext,
  subscription: Subscription<E, O>,
): AsyncGenerator<O> {
  const { domain, eventsPerMessage } = settings;
  const { log, history, watch, start, errorPrefix } = subscription;
  const call = settings.calls.begin(context);
  try {
    const heartbeat = new Heartbeat(domain.clock, call, settings.heartbeatMs);
    // Subscribe before the first read, so that no commit is missed.
    if (watch) call.onEnd(domain.journal.onCommit(history, heartbeat.notify));

    let after = start === "loud" ? subscription.after : zeroId;
    let skipTo = start === "loud" ? zeroId : subscription.after;
    let checked = start === "loud";
    for (;;) {
      call.check();
      let events = wrapping(errorPrefix, () => log.stored(history, after));
      const first = events[0];
      if (first && start !== "loud" && !checked) {
        start.checkFirst(decode(log, first));
        checked = true;
      }
      after = events.at(-1)?.id ?? after;
      if (!equalIds(skipTo, zeroId)) {
        const found = events.findIndex((event) => equalIds(event.id, skipTo));
        if (found >= 0) skipTo = zeroId;
        events = found >= 0 ? events.slice(found + 1) : [];
      }
      for (let i = 0; i < events.length; i += eventsPerMessage) {
        yield subscription.message(events.slice(i, i + eventsPerMessage).map((event) => decode(log, event)));
        call.check();
      }
      if (!watch) return;
      yield subscription.willBlock();
      await heartbeat.wait();
    }
  } finally {
    call.end();
  }
}

function decode<E extends EventMessage>(log: EventLog<E>, event: StoredEvent): E {
  try {
    return log.decode(event);
  } catch {
    throw unparsable();
  }
}
