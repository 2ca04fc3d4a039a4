import { useEffect, useRef } from "preact/hooks";
import { Actions } from "./actions.tsx";
import { Announced } from "./announced.tsx";
import { Engines } from "./engines.tsx";
import { type Connection, type LiveState, useLive } from "./live.ts";
import { Overview } from "./overview.tsx";
import { linkTo, type Route, useRoute, type View, views } from "./route.ts";
import { VerdictSign } from "./signs.tsx";
import { TaskView } from "./task.tsx";
import { Tasks } from "./tasks.tsx";
import { clockTime, Text, visible } from "./text.tsx";
import { Upstreams } from "./upstreams.tsx";

export function App() {
  const route = useRoute();
  const live = useLive(route.view === "task" ? route.task : undefined);
  const viewKey = route.view === "task" ? route.task : route.view;
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${titleOf(route)} · Tailwake`;
    // Move the focus to the heading on navigation, but not on the first load.
    if (!isFirst.current) main.current?.querySelector("h1")?.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [viewKey]);
  return (
    <>
      {/* Not a link, since the part of the URL after "#" is the view. */}
      <button type="button" class="skip" onClick={() => main.current?.querySelector("h1")?.focus()}>
        Skip to content
      </button>
      <Header route={route} live={live} />
      <main ref={main} key={viewKey}>
        <Content route={route} live={live} />
      </main>
    </>
  );
}

function titleOf(route: Route): string {
  if (route.view === "task") return visible(route.task);
  return route.view === "nowhere" ? "Not found" : views[route.view];
}

function Header({ route, live }: { readonly route: Route; readonly live: LiveState }) {
  const { about, survey, surveyProblem, connection } = live;
  const verdict = survey?.overview.verdict;
  const current = route.view === "task" ? "tasks" : route.view;
  return (
    <header>
      <div class="bar">
        <p class="brand">
          <strong>Tailwake</strong> {about && <Text of={about.deployment} max={60} />}
        </p>
        <nav aria-label="Views">
          <ul>
            {(Object.keys(views) as View[]).map((view) => (
              <li key={view}>
                <a href={linkTo(view)} aria-current={view === current ? "page" : undefined}>
                  {views[view]}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <LiveSign connection={connection} />
      </div>
      <div class={`verdict ${verdict?.level ?? ""}`}>
        {verdict ? (
          <>
            <VerdictSign level={verdict.level} /> <Text of={verdict.sentence} />
          </>
        ) : (
          "Reading the table…"
        )}
      </div>
      {verdict && <Announced sentence={verdict.sentence} about={`${verdict.level} ${verdict.where}`} />}
      {surveyProblem && (
        <p class="problem" role="alert">
          The table cannot be read: <Text of={surveyProblem.message} />
        </p>
      )}
      {connection.state === "over" && (
        <p class="problem" role="alert">
          The console's process has ended or restarted. Open the URL that it prints.
        </p>
      )}
    </header>
  );
}

function LiveSign({ connection: { state, since } }: { readonly connection: Connection }) {
  const words = {
    connecting: "Connecting…",
    live: "Live",
    lost: `Connection lost since ${clockTime(since ?? 0)}`,
    over: `Ended at ${clockTime(since ?? 0)}`,
  };
  return (
    <p class={`live ${state}`} role="status">
      <span class="dot" aria-hidden="true" /> {words[state]}
    </p>
  );
}

function Content({ route, live }: { readonly route: Route; readonly live: LiveState }) {
  const { survey, about } = live;
  if (route.view === "nowhere") {
    return (
      <>
        <h1 tabIndex={-1}>Not found</h1>
        <p>
          There is no such view. <a href={linkTo("overview")}>Go to the overview</a>.
        </p>
      </>
    );
  }
  if (route.view === "task") return <TaskView name={route.task} live={live} />;
  if (!survey || !about) return <h1 tabIndex={-1}>{views[route.view]}</h1>;
  switch (route.view) {
    case "overview":
      return <Overview survey={survey} samples={live.samples} />;
    case "tasks":
      return <Tasks survey={survey} query={route.query} />;
    case "upstreams":
      return <Upstreams survey={survey} />;
    case "engines":
      return <Engines survey={survey} canKill={about.canKill} />;
    case "actions":
      return <Actions actions={survey.actions} />;
  }
}
