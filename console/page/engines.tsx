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
  const { lastTick, queueAge, leaders } = survey.engines;
  return (
    <>
      <h1 tabIndex={-1}>Engines</h1>
      <section class="panels">
        <div class="panel">
          <h2>Last tick</h2>
          {lastTick ? (
            <>
              <p>
                <Time at={lastTick.at} />, one comes every minute
              </p>
              <dl class="facts">
                {Object.entries(lastTick.report).map(([name, value]) => (
                  <div key={name}>
                    <dt>
                      <Text of={words(name)} most={60} />
                    </dt>
                    <dd>{valueWords(name, value)}</dd>
                  </div>
                ))}
              </dl>
            </>
          ) : (
            <p class="empty">The cron function has not ticked so far.</p>
          )}
        </div>
        <div class="panel">
          <h2>Queue</h2>
          {queueAge ? (
            <p>
              A message had waited {span(queueAge.ageMs)} when it came, <Time at={queueAge.at} />. That is the last that
              came late.
            </p>
          ) : (
            <p class="empty">No message has come late.</p>
          )}
        </div>
      </section>
      <h2>Leaders of streams</h2>
      {leaders.length === 0 ? (
        <p class="empty">
          No place has ever been held: the app has no signal source and no eager activity, or no tick has come.
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
  const meanwhile = name === "signals" ? "Signals are missed meanwhile." : "Nobody watches its tasks meanwhile.";
  return (
    <li class="panel">
      <h3>
        <Text of={name} />
      </h3>
      <p>
        <Badge sign={isAlive ? signs.good : isReleased ? signs.trying : signs.broken}>
          {isAlive ? (leaving ? "handing over" : "held") : isReleased ? "released" : "gone"}
        </Badge>
      </p>
      {isAlive && <p>{name === "signals" ? "The signal streams are open." : `Streams open: ${grouped(streams)}.`}</p>}
      {!isAlive && !isReleased && (
        <p>
          Last held <Time at={aliveUntil} />. {meanwhile}
        </p>
      )}
      {isReleased && <p>{meanwhile}</p>}
      {sweepAt !== undefined && (
        <p>
          After a gap in the signals, the sleeping tasks are looked at <Time at={sweepAt} />.
        </p>
      )}
      <small>
        Epoch {epoch}, owner <Text of={owner} most={60} />
      </small>
    </li>
  );
}

/** What another version has put there may be anything. */
function valueWords(name: string, value: unknown): string {
  if (typeof value !== "number") return value === true ? "yes" : value === false ? "no" : "?";
  return name.endsWith("Ms") ? span(value) : grouped(value);
}

/** `oldestDueMs` as `oldest due`. */
const words = (name: string): string =>
  name.replace(/Ms$/, "").replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
