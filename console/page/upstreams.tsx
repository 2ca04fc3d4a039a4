import type { UpstreamState } from "../../functions/operate/overview.ts";
import type { Survey } from "../messages.ts";
import { Operations } from "./operate.tsx";
import { post } from "./request.ts";
import { Badge, signs } from "./signs.tsx";
import { Block, Text, Time } from "./text.tsx";

export function Upstreams({ survey }: { readonly survey: Survey }) {
  const { upstreams } = survey.overview;
  return (
    <>
      <h1 tabIndex={-1}>Upstreams</h1>
      {upstreams.length === 0 ? (
        <p class="empty">This console runs without the app's code, so it knows no upstreams.</p>
      ) : (
        <ul class="panels cards">
          {upstreams.map((upstream) => (
            <Upstream key={upstream.name} {...upstream} />
          ))}
        </ul>
      )}
    </>
  );
}

function Upstream({ name, breaker }: UpstreamState) {
  const { paused, state, until, trips, reason } = breaker;
  const isOpen = state === "open";
  return (
    <li class="panel">
      <h2>
        <Text of={name} />
      </h2>
      <p>
        {paused && <Badge sign={signs.held}>paused</Badge>}
        {isOpen ? <Badge sign={signs.broken}>breaker open</Badge> : <Badge sign={signs.good}>breaker closed</Badge>}
      </p>
      {paused && (
        <p>
          Paused <Time at={paused.at} />: <Text of={paused.reason} />
        </p>
      )}
      {isOpen && (
        <p>
          Opened {trips} {trips === 1 ? "time" : "times"} in a row; next trial: <Time at={until} />.
        </p>
      )}
      {isOpen && reason !== undefined && <Block of={reason} />}
      <Operations label={`Operate upstream ${name}`} of={[paused ? resume(name) : pause(name)]} />
    </li>
  );
}

const pause = (upstream: string) => ({
  verb: "Pause upstream",
  description: `No task of ${upstream} begins a run until the upstream is resumed. News is kept. Functions notice within 5 s.`,
  reason: true,
  run: ({ reason }: { readonly reason: string }) => post("upstream/pause", { upstream, reason }),
});

const resume = (upstream: string) => ({
  verb: "Resume upstream",
  description: `The tasks of ${upstream} run again as they come due, the last within 5 min.`,
  reason: true,
  run: ({ reason }: { readonly reason: string }) => post("upstream/resume", { upstream, reason }),
});
