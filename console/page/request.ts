import type { Done, Lag, Problem, Rows, TaskAction } from "../messages.ts";

/** Sends a request; rejects with the server's {@link Problem}, or one for a server that does not answer. */
async function ask<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetch(`api/${path}`, init).catch((): never => {
    throw { code: "unreachable", message: "The console's process does not answer." } satisfies Problem;
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw answer.error ?? { code: "refused", message: `The console answered ${response.status}.` };
}

export const getRows = (query: string, signal: AbortSignal) => ask<Rows>(`tasks?${query}`, { signal });

export const getLag = (task: string) => ask<Lag>(`lag?task=${encodeURIComponent(task)}`, {});

/** Requests an action; the server validates `body`. */
export function post(
  path: string,
  body: TaskAction | { readonly upstream: string; readonly reason: string } | Readonly<Record<string, never>>,
): Promise<Done> {
  const headers = { "content-type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}
