import type { IncomingMessage } from "node:http";
import { epoch, eventId } from "tailwake";
import type { Desk, TaskRecord } from "tailwake/operate";
import { countField, type Fields, flagField, optionalChoice, optionalText, readBody, textField } from "./fields.ts";
import type { LiveUpdates } from "./live.ts";
import { type Done, type Lag, type Rows, sortings, statuses } from "./messages.ts";
import { Refusal } from "./refusal.ts";
import { rowsOf } from "./table.ts";

/** A printed name has at most 3 KB; a longer text is not a name. */
export const maxNameLength = 20_000;
const maxReasonLength = 200;
const maxFilterLength = 1_000;
const lagTimeoutMs = 10_000;

export interface ApiOptions {
  readonly desk: Desk;
  readonly liveUpdates: LiveUpdates;
  /** The operator recorded for actions. */
  readonly by: string;
  /** Ends the lazy function's processes and returns their number. */
  readonly kill: (() => Promise<number>) | undefined;
}

type Answer = (fields: Fields) => Promise<Rows | Lag | Done>;

/** The routes by method and path. Each validates its fields and throws a `TailwakeError` that names an invalid one. */
function routesOf({ desk, liveUpdates, by, kill }: ApiOptions): Readonly<Record<string, Answer>> {
  const { operators } = desk;

  const taskRoute =
    (verb: string, act: (record: TaskRecord, fields: Fields) => Promise<unknown>): Answer =>
    async (fields) => {
      const name = textField(fields, "task", maxNameLength);
      await act(await liveUpdates.recordOf(name), fields);
      liveUpdates.hasChanged(name);
      return { done: `${verb} ${name}.` };
    };
  const noteOf = (fields: Fields) => ({ reason: textField(fields, "reason", maxReasonLength), by });
  const moveOf = (fields: Fields) => ({ force: flagField(fields, "force"), note: noteOf(fields) });
  const tailOf = (fields: Fields) => {
    const to = textField(fields, "to", maxNameLength);
    return to === epoch ? epoch : eventId(to);
  };
  const upstreamOf = async (fields: Fields) => {
    const name = textField(fields, "upstream", maxNameLength);
    await desk.checkUpstream(name);
    return name;
  };

  return {
    "GET tasks": async (fields) => {
      const filter = {
        status: optionalChoice(fields, "status", statuses),
        kind: optionalText(fields, "kind", maxFilterLength),
        activity: optionalText(fields, "activity", maxFilterLength),
        entity: optionalText(fields, "entity", maxFilterLength),
        error: optionalText(fields, "error", maxFilterLength),
      };
      const order = { sort: optionalChoice(fields, "sort", sortings) ?? "due", from: countField(fields, "from") };
      const { value, error } = await liveUpdates.table.latest();
      if (error) throw new Refusal(502, error.message);
      return rowsOf(value, filter, order);
    },
    "GET lag": async (fields) => {
      const record = await liveUpdates.recordOf(textField(fields, "task", maxNameLength));
      return desk.lag(record, AbortSignal.timeout(lagTimeoutMs));
    },
    "POST task/wake": taskRoute("Sent a wake to", (record) => operators.wake(record)),
    "POST task/pause": taskRoute("Paused", (record, fields) => operators.pause(record, noteOf(fields))),
    "POST task/resume": taskRoute("Resumed", (record, fields) => operators.resume(record, noteOf(fields))),
    "POST task/rewind": taskRoute("Moved the tail of", (record, fields) =>
      operators.rewind(record, tailOf(fields), moveOf(fields)),
    ),
    "POST task/skip-to": taskRoute("Moved the tail of", (record, fields) =>
      operators.skipTo(record, tailOf(fields), moveOf(fields)),
    ),
    "POST upstream/pause": async (fields) => {
      const upstream = await upstreamOf(fields);
      await operators.pauseUpstream(upstream, noteOf(fields));
      liveUpdates.table.readSoon();
      return { done: `Paused upstream ${upstream}: functions notice within 5 s.` };
    },
    "POST upstream/resume": async (fields) => {
      const upstream = await upstreamOf(fields);
      await operators.resumeUpstream(upstream, noteOf(fields));
      liveUpdates.table.readSoon();
      return { done: `Resumed upstream ${upstream}: its tasks run again as they come due, the last within 5 min.` };
    },
    ...(kill && {
      "POST kill": async () => {
        const killed = await kill();
        const words =
          killed === 0 ? "No process of the lazy function is running." : `Killed ${killed} of its processes.`;
        return { done: words };
      },
    }),
  };
}

/** Answers requests below `api/`; `path` is the rest of the path. */
export function createApi(options: ApiOptions) {
  const routes = new Map(Object.entries(routesOf(options)));
  return async (request: IncomingMessage, path: string, query: URLSearchParams): Promise<Rows | Lag | Done> => {
    const { method = "" } = request;
    const answer = routes.get(`${method} ${path}`);
    if (answer) return answer(method === "POST" ? await readBody(request) : Object.fromEntries(query));
    const others = ["GET", "POST"].filter((other) => routes.has(`${other} ${path}`));
    if (others.length > 0) throw new Refusal(405, `expected ${others.join(" or ")}, received ${method}`);
    throw new Refusal(404, "expected a path of the console's API");
  };
}
