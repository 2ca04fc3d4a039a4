import { useEffect, useRef } from "preact/hooks";
import { Actions } from "./actions.tsx";
import { Announced } from "./announced.tsx";
import { Engines } from "./engines.tsx";
import { type Connection, type Heard, useLive } from "./live.ts";
import { Overview } from "./overview.tsx";
import { linkTo, type Route, useRoute, type View, views } from "./route.ts";
import { VerdictSign } from "./signs.tsx";
import { TaskView } from "./task.tsx";
import { Tasks } from "./tasks.tsx";
import { clockTime, Text, visible } from "./text.tsx";
import { Upstreams } from "./upstreams.tsx";

export function App() {
  const route = useRoute();
  const heard = useLive(route.view === "task" ? route.task : undefined);
  const place = route.view === "task" ? route.task : route.view;
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${titleOf(route)} · Tailwake`;
    // Who comes to the page is not moved; who goes on is, to the heading of where they are.
    if (!isFirst.current) main.current?.querySelector("h1")?.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [place]);
  return (
    <>
      {/* Not a link: what follows "#" is the view. */}
      <button type="button" class="skip" onClick={() => main.current?.querySelector("h1")?.focus()}>
        Skip to the content
      </button>
      <Header route={route} heard={heard} />
      <main ref={main} key={place}>
        <Content route={route} heard={heard} />
      </main>
    </>
  );
}

function titleOf(route: Route): string {
  if (route.view === "task") return visible(route.task);
  return route.view === "nowhere" ? "Not found" : views[route.view];
}

function Header({ route, heard }: { readonly route: Route; readonly heard: Heard }) {
  const { about, survey, surveyProblem, connection } = heard;
  const verdict = survey?.overview.verdict;
  const current = route.view === "task" ? "tasks" : route.view;
  return (
    <header>
      <div class="bar">
        <p class="brand">
          <strong>Tailwake</strong> {about && <Text of={about.deployment} most={60} />}
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
          The console's process has ended, or was started again. Open the URL that it prints.
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

function Content({ route, heard }: { readonly route: Route; readonly heard: Heard }) {
  const { survey, about } = heard;
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
  if (route.view === "task") return <TaskView name={route.task} heard={heard} />;
  if (!survey || !about) return <h1 tabIndex={-1}>{views[route.view]}</h1>;
  switch (route.view) {
    case "overview":
      return <Overview survey={survey} samples={heard.samples} />;
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
