/** One thing that is wrong with the environment. What came is never shown for a secret. */
export interface SettingsProblem {
  readonly name: string;
  readonly expected: string;
  readonly received: string;
}

/** Every problem of the environment at once. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly problems: readonly SettingsProblem[];

  constructor(problems: readonly SettingsProblem[]) {
    const lines = problems.map(
      ({ name, expected, received }) => `  ${name}: expected ${expected}, received ${received}`,
    );
    super(`${problems.length} of the TAILWAKE_ settings cannot be used:\n${lines.join("\n")}`);
    this.problems = problems;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

interface Setting<T> {
  readonly expected: string;
  /** The value of what the environment has; `wrong` if it has none that can be used. */
  readonly read: (given: string | undefined) => T | typeof wrong;
  readonly secret?: boolean;
}

const wrong = Symbol("wrong");

const textThat = (expected: string, isRight: (text: string) => boolean): Setting<string> => ({
  expected,
  read: (given) => (given !== undefined && isRight(given) ? given : wrong),
});

/** How settings are described: what is expected, in words, and what holds to it. */
export const setting = {
  // Not `test`: a pattern with the flag g would remember where it has been.
  text: (expected: string, pattern: RegExp) => textThat(expected, (text) => text.search(pattern) >= 0),
  secret: (expected: string): Setting<string | undefined> => ({ expected, read: (given) => given, secret: true }),
  oneOf: <const V extends readonly [string, ...string[]]>(...values: V) =>
    textThat(`one of ${values.join(", ")}`, (text) => values.includes(text)) as Setting<V[number]>,
  /** Undefined if it is absent. */
  optional: <T>({ read, ...rest }: Setting<T>): Setting<T | undefined> => ({
    ...rest,
    read: (given) => (given === undefined ? undefined : read(given)),
  }),
  url: (expected: string) => textThat(expected, (text) => URL.canParse(text) && /^https?:/.test(text)),
  /** A whole number in a range; `otherwise` stands for an absent one. */
  count: (otherwise: number, least: number, most: number): Setting<number> => ({
    expected: `a whole number from ${least} to ${most}`,
    read: (given) => {
      const count = given === undefined ? otherwise : Number(/^\d{1,9}$/.exec(given)?.[0]);
      return count >= least && count <= most ? count : wrong;
    },
  }),
};

type Values<S> = { readonly [N in keyof S]: S[N] extends Setting<infer T> ? T : never };

/**
 * Reads settings from an environment. Throws one `SettingsError` with all problems. An empty value is an absent one. Of
 * the settings in `atMostOneOf` no two may be there.
 */
export function readSettings<const S extends Readonly<Record<string, Setting<unknown>>>>(
  environment: Environment,
  settings: S,
  atMostOneOf: readonly (keyof S & string)[] = [],
): Values<S> {
  const problems: SettingsProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { read, expected, secret }] of Object.entries(settings)) {
    const given = environment[name] || undefined;
    const value = read(given);
    if (value === wrong) problems.push({ name, expected, received: received(given, secret === true) });
    else values[name] = value;
  }
  const rivals = atMostOneOf.filter((name) => environment[name]);
  if (rivals.length > 1) {
    problems.push({ name: atMostOneOf.join(", "), expected: "at most one of them", received: rivals.join(" and ") });
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return values as Values<S>;
}

function received(given: string | undefined, secret: boolean): string {
  if (given === undefined) return "nothing";
  return secret ? `a value of ${given.length} characters` : JSON.stringify(given.slice(0, 200));
}

const resourceName = /^[A-Za-z0-9._-]{1,255}$/;
const arn = /^arn:[a-z-]+:[a-z]+:[a-z0-9-]*:\d{0,12}:.+$/;

const queueUrl = /^https?:\/\/[^/\s]+\/\d{12}\/[A-Za-z0-9_-]{1,80}$/;

/** What every function of an app needs to know. */
export const appSettings = {
  TAILWAKE_TABLE: setting.text("the name of the task table", resourceName),
  TAILWAKE_BUS_ARN: setting.text("the ARN of the event bus", arn),
  TAILWAKE_SCHEDULE_GROUP: setting.text("the name of the schedule group", resourceName),
  TAILWAKE_SCHEDULE_ROLE_ARN: setting.text("the ARN of the role that schedules put events with", arn),
  /** Name of the deployment in its metrics; there are none without it. */
  TAILWAKE_SERVICE: setting.optional(setting.text("a name for the metrics", resourceName)),
  /** Signals go directly into this queue, the one that feeds the lazy function; over the bus if absent. */
  TAILWAKE_SIGNAL_QUEUE_URL: setting.optional(setting.text("the URL of an SQS queue that is not FIFO", queueUrl)),
  /** Runs at once in one invocation of the lazy function. */
  TAILWAKE_RUNS: setting.count(100, 1, 1000),
  /** Of these, runs of one kind. */
  TAILWAKE_RUNS_PER_KIND: setting.count(10, 1, 1000),
  /** Minutes until a sleeping lazy task is probed for news. */
  TAILWAKE_PROBE_MINUTES: setting.count(15, 1, 1440),
  /** Tasks that one tick of the cron function looks at. */
  TAILWAKE_CHECKS_PER_TICK: setting.count(2000, 1, 100_000),
  /** Looks of a tick under way at once. */
  TAILWAKE_CHECKS_AT_ONCE: setting.count(20, 1, 500),
  /** The optional functions that are deployed, for the cron function, which has them started. */
  TAILWAKE_SIGNALS_FUNCTION: setting.optional(setting.text("the name of the signals function", resourceName)),
  TAILWAKE_EAGER_FUNCTION: setting.optional(setting.text("the name of the eager function", resourceName)),
  /** Over how many instances of the eager function its tasks are spread. */
  TAILWAKE_EAGER_SHARDS: setting.count(1, 1, 16),
  /**
   * Streams that one of them watches at most; all have to commit in the last seconds of an invocation. Over fetch each
   * has a connection, and a function has 1,024 file descriptors: the default leaves 200 to calls and AWS's clients, of
   * which each takes up to 50. Over gRPC all share one, so that more can be watched.
   */
  TAILWAKE_EAGER_WATCHES: setting.count(800, 1, 5000),
};

export type AppSettings = Values<typeof appSettings>;
