/** One problem of the environment. `received` never shows a secret. */
export interface SettingsProblem {
  readonly name: string;
  readonly expected: string;
  readonly received: string;
}

/** Lists every problem of the environment. */
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
  /** The setting's value; `invalid` if the environment's text has none. */
  readonly read: (given: string | undefined) => T | typeof invalid;
  readonly secret?: boolean;
}

const invalid = Symbol("invalid");

const textThat = (expected: string, isValid: (text: string) => boolean): Setting<string> => ({
  expected,
  read: (given) => (given !== undefined && isValid(given) ? given : invalid),
});

/** Describes settings: the expected value, in words, and how to read it. */
export const setting = {
  // Not `test`, which keeps `lastIndex` in a pattern with the flag g.
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
  /** A whole number from `min` to `max`; `otherwise` if it is absent. */
  count: (otherwise: number, min: number, max: number): Setting<number> => ({
    expected: `a whole number from ${min} to ${max}`,
    read: (given) => {
      const count = given === undefined ? otherwise : Number(/^\d{1,9}$/.exec(given)?.[0]);
      return count >= min && count <= max ? count : invalid;
    },
  }),
};

type Values<S> = { readonly [N in keyof S]: S[N] extends Setting<infer T> ? T : never };

/**
 * Reads settings from an environment. An empty value counts as absent. At most one of the settings in `atMostOneOf` may
 * be present. Throws one `SettingsError` with all problems.
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
    if (value === invalid) problems.push({ name, expected, received: received(given, secret === true) });
    else values[name] = value;
  }
  const present = atMostOneOf.filter((name) => environment[name]);
  if (present.length > 1) {
    problems.push({ name: atMostOneOf.join(", "), expected: "at most one of them", received: present.join(" and ") });
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

/** The settings of every function of an app. */
export const appSettings = {
  TAILWAKE_TABLE: setting.text("the name of the task table", resourceName),
  TAILWAKE_BUS_ARN: setting.text("the ARN of the event bus", arn),
  TAILWAKE_SCHEDULE_GROUP: setting.text("the name of the schedule group", resourceName),
  TAILWAKE_SCHEDULE_ROLE_ARN: setting.text("the ARN of the role that schedules put events with", arn),
  /** Name of the deployment in its metrics. Without it the functions publish no metrics. */
  TAILWAKE_SERVICE: setting.optional(setting.text("a name for the metrics", resourceName)),
  /** Queue of the lazy function, into which signals go directly. Without it they go over the bus. */
  TAILWAKE_SIGNAL_QUEUE_URL: setting.optional(setting.text("the URL of an SQS queue that is not FIFO", queueUrl)),
  /** At most this many runs at once in one invocation of the lazy function. */
  TAILWAKE_RUNS: setting.count(100, 1, 1000),
  /** At most this many of them of one kind. */
  TAILWAKE_RUNS_PER_KIND: setting.count(10, 1, 1000),
  /** Minutes until a tick probes a sleeping lazy task for news. */
  TAILWAKE_PROBE_MINUTES: setting.count(15, 1, 1440),
  /** Tasks that one tick of the cron function checks at most. */
  TAILWAKE_CHECKS_PER_TICK: setting.count(2000, 1, 100_000),
  /** Checks of one tick under way at once, at most. */
  TAILWAKE_CHECKS_AT_ONCE: setting.count(20, 1, 500),
  /** The optional functions, if they are deployed. The cron function starts them. */
  TAILWAKE_SIGNALS_FUNCTION: setting.optional(setting.text("the name of the signals function", resourceName)),
  TAILWAKE_EAGER_FUNCTION: setting.optional(setting.text("the name of the eager function", resourceName)),
  /** Number of shards of the eager tasks; each has one instance of the eager function as its leader. */
  TAILWAKE_EAGER_SHARDS: setting.count(1, 1, 16),
  /**
   * Streams that one leader of a shard watches at most. All have to commit in the last seconds of an invocation. Over
   * fetch each stream has a connection, and a function has 1,024 file descriptors: the default leaves about 200 for
   * calls and for AWS's clients, each of which takes up to 50. Over gRPC all streams share one connection, so more are
   * possible.
   */
  TAILWAKE_EAGER_WATCHES: setting.count(800, 1, 5000),
};

export type AppSettings = Values<typeof appSettings>;
