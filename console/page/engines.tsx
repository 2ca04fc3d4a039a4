import { isFree } from "../../functions/leaders/leadership.ts";
import { span } from "../../functions/operate/words.ts";
import type { Survey } from "../messages.ts";
import { now } from "./clock.ts";
import { killLazy } from "./kill.ts";
import { Operations } from "./operate.tsx";
import { Badge, signs } from "./signs.tsx";
import { grouped, Text, Time } from "./text.tsx";

type Leader = Survey["engines"]["leaders"][number];

export function Engines({ survey, canKill }: { readonly survey: Survey; readonly canKill: boolean }) {
  const { lastTick, lateQueues, leaders } = survey.engines;
  return (
    <>
      <h1 tabIndex={-1}>Engines</h1>
      <section class="panels">
        <div class="panel">
          <h2>Last tick</h2>
          {lastTick ? (
            <>
              <p>
                <Time at={lastTick.at} />, expected every minute
              </p>
              <dl class="facts">
                {Object.entries(lastTick.report).map(([name, value]) => (
                  <div key={name}>
                    <dt>
                      <Text of={labelOf(name)} max={60} />
                    </dt>
                    <dd>{valueText(name, value)}</dd>
                  </div>
                ))}
              </dl>
            </>
          ) : (
            <p class="empty">There was no tick so far.</p>
          )}
        </div>
        <div class="panel">
          <h2>Queues</h2>
          {lateQueues.length === 0 && <p class="empty">No message was late.</p>}
          {lateQueues.map(({ queue, ageMs, at }) => (
            <p key={queue}>
              The last late message of the queue {queue} was {span(ageMs)} late, <Time at={at} />.
            </p>
          ))}
        </div>
      </section>
      <h2>Leaders of the signals and the shards</h2>
      {leaders.length === 0 ? (
        <p class="empty">
          There was never a leader: the app has no signal source and no eager activity, or there was no tick.
        </p>
      ) : (
        <ul class="panels cards">
          {leaders.map((leader) => (
            <LeaderCard key={leader.name} leader={leader} streams={survey.watched[leader.name] ?? 0} />
          ))}
        </ul>
      )}
      {canKill && (
        <>
          <h2>The lazy function</h2>
          <Operations label="Operate the lazy function" of={[killLazy]} />
        </>
      )}
    </>
  );
}

function LeaderCard({ leader: { name, state }, streams }: { readonly leader: Leader; readonly streams: number }) {
  if (!state) return null;
  const { aliveUntil, epoch, leaving, owner, released, sweepAt } = state;
  const isReleased = released === epoch;
  const isAlive = !isFree(state, now());
  const consequence =
    name === "signals"
      ? "Signals are missed until the next leader."
      : "Its tasks are not watched until the next leader.";
  return (
    <li class="panel">
      <h3>
        <Text of={name} />
      </h3>
      <p>
        <Badge sign={isAlive ? signs.good : isReleased ? signs.trying : signs.broken}>
          {isAlive ? (leaving ? "handing over" : "alive") : isReleased ? "released" : "dead"}
        </Badge>
      </p>
      {isAlive && <p>{name === "signals" ? "The signal streams are open." : `Streams open: ${grouped(streams)}.`}</p>}
      {!isAlive && !isReleased && (
        <p>
          Alive until <Time at={aliveUntil} />. {consequence}
        </p>
      )}
      {isReleased && <p>{consequence}</p>}
      {sweepAt !== undefined && (
        <p>
          After a gap in the signals, the sleeping tasks are checked <Time at={sweepAt} />.
        </p>
      )}
      <small>
        Epoch {epoch}, owner <Text of={owner} max={60} />
      </small>
    </li>
  );
}

/** Another version may have stored any value. */
function valueText(name: string, value: unknown): string {
  if (typeof value !== "number") return value === true ? "yes" : value === false ? "no" : "?";
  return name.endsWith("Ms") ? span(value) : grouped(value);
}

/** `oldestDueMs` as `oldest due`. */
const labelOf = (name: string): string =>
  name.replace(/Ms$/, "").replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
