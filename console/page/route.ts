import { useEffect, useState } from "preact/hooks";

/** The views, in the order of the navigation; a task's view is only linked. */
export const views = {
  overview: "Overview",
  tasks: "Tasks",
  upstreams: "Upstreams",
  engines: "Engines",
  actions: "Actions",
} as const;
export type View = keyof typeof views;

/** The route in the part of the URL after "#". */
export type Route =
  | { readonly view: View; readonly query: URLSearchParams }
  | { readonly view: "task"; readonly task: string }
  | { readonly view: "nowhere" };

const isView = (text: string): text is View => Object.hasOwn(views, text);

function routeOf(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  if (path.startsWith("task/")) return taskRoute(path.slice("task/".length));
  const view = path || "overview";
  return isView(view) ? { view, query: new URLSearchParams(query) } : { view: "nowhere" };
}

function taskRoute(encoded: string): Route {
  try {
    return { view: "task", task: decodeURIComponent(encoded) };
  } catch {
    return { view: "nowhere" };
  }
}

export function linkTo(view: View, query: Readonly<Record<string, string>> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  return `#/${view === "overview" ? "" : view}${given.length > 0 ? `?${new URLSearchParams(given)}` : ""}`;
}

// A lone surrogate cannot be part of a URL.
export const linkToTask = (name: string): string =>
  `#/task/${encodeURIComponent(name.replaceAll(/\p{Surrogate}/gu, "\ufffd"))}`;

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const change = () => setRoute(routeOf(location.hash));
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return route;
}
