import { type Activity, type ActivityDeclaration, behaviourOf } from "../contract/activity.ts";
import { describeValue, TailwakeError } from "../contract/error.ts";
import {
  type Address,
  declarationOf,
  type SignalDeclaration,
  type Stream,
  type StreamDeclaration,
} from "../contract/stream.ts";
import type { EngineName, TaskKey } from "../tasks/record.ts";

/** An activity bound to an engine. If you bind a deployed activity to another engine, its tasks keep their tails. */
export interface Bound<S extends Stream = Stream> {
  readonly activity: Activity<S>;
  readonly engine: EngineName;
  /** Lazy: a signal starts a task for an aggregate that has none. */
  readonly startOnSignal: boolean;
  /** Cron: the interval in minutes; 0 for the other engines. */
  readonly everyMinutes: number;
}

/** Binds an activity to the lazy engine: it runs when a signal says that its aggregate has news. */
export function lazy<S extends Stream>(
  activity: Activity<S>,
  options: { readonly startOnSignal?: boolean } = {},
): Bound<S> {
  return { activity, engine: "lazy", startOnSignal: options.startOnSignal ?? false, everyMinutes: 0 };
}

/**
 * Binds an activity to the cron engine: it runs every `everyMinutes`, with or without news. Throws a `TailwakeError`
 * ("invalid-definition") unless that is a whole number from 1.
 */
export function cron<S extends Stream>(activity: Activity<S>, options: { readonly everyMinutes: number }): Bound<S> {
  const { everyMinutes } = options;
  if (!Number.isSafeInteger(everyMinutes) || everyMinutes < 1) {
    throw new TailwakeError({
      code: "invalid-definition",
      subject: `everyMinutes of activity ${activity.name}`,
      expected: "a whole number of minutes from 1",
      received: describeValue(everyMinutes),
    });
  }
  return { activity, engine: "cron", startOnSignal: false, everyMinutes };
}

/** Binds an activity to the eager engine: a function holds its stream open and gets each event as soon as it is sent. */
export function eager<S extends Stream>(activity: Activity<S>): Bound<S> {
  return { activity, engine: "eager", startOnSignal: false, everyMinutes: 0 };
}

/** A binding with the declarations behind its activity and stream. */
export interface Binding extends Bound {
  readonly declaration: ActivityDeclaration;
  readonly stream: StreamDeclaration;
}

/** The bindings of an app, by kind and activity. */
export class Bindings {
  readonly #all = new Map<string, Binding>();
  readonly #kinds = new Map<string, StreamDeclaration>();

  constructor(bound: readonly Bound[]) {
    for (const one of bound) this.add(one);
  }

  /** Throws a `TailwakeError` ("invalid-definition") for a second binding, or a second stream of a kind. */
  protected add(one: Bound): void {
    const declaration = behaviourOf(one.activity);
    const stream = declarationOf(declaration.stream);
    const id = bindingId(stream.kind, declaration.name);
    const other = this.#all.get(id);
    if (other) {
      const expected = "to be bound once in createApp({ activities }): give one of two activities another name";
      throw invalid(`activity ${id}`, expected, `a second binding, ${one.engine} beside ${other.engine}`);
    }
    const known = this.#kinds.get(stream.kind);
    if (known !== undefined && known !== stream) {
      const expected = "one defineStream: import its stream everywhere, or name another kind";
      throw invalid(`kind ${stream.kind}`, expected, "another stream of the same kind");
    }
    this.#kinds.set(stream.kind, stream);
    this.#all.set(id, { ...one, declaration, stream });
  }

  [Symbol.iterator](): Iterator<Binding> {
    return this.#all.values();
  }

  get streams(): Iterable<StreamDeclaration> {
    return this.#kinds.values();
  }

  /** The binding of a task's activity; undefined for a foreign task, whose activity is not in the app. */
  get({ kind, activity }: Pick<TaskKey, "kind" | "activity">): Binding | undefined {
    return this.#all.get(bindingId(kind, activity));
  }

  /** As `get`, but throws a `TailwakeError` that names the unknown kind or activity. */
  find({ kind, activity }: Pick<TaskKey, "kind" | "activity">): Binding {
    const binding = this.get({ kind, activity });
    if (binding) return binding;
    if (!this.#kinds.has(kind)) throw this.unknownKind(kind);
    throw new TailwakeError({
      code: "unknown-activity",
      subject: `activity ${bindingId(kind, activity)}`,
      expected: "an activity of the app: bind it in createApp({ activities })",
      received: `${activity}; the app has ${[...this.#all.keys()].join(", ")}`,
    });
  }

  /** The binding of an activity. Throws as `find` does. */
  of(activity: Activity): Binding {
    const { stream, name } = behaviourOf(activity);
    return this.find({ kind: stream.kind, activity: name });
  }

  hasKind(kind: string): boolean {
    return this.#kinds.has(kind);
  }

  unknownKind(kind: string): TailwakeError {
    return new TailwakeError({
      code: "unknown-kind",
      subject: `kind ${kind}`,
      expected: "a kind of the app: bind an activity on it in createApp({ activities })",
      received: `${kind}; the app has ${[...this.#kinds.keys()].join(", ")}`,
    });
  }

  /** The signals that the streams declare for a bus event. */
  signalsOf(
    source: string,
    detailType: string,
  ): readonly { stream: StreamDeclaration; signal: SignalDeclaration<string> }[] {
    return [...this.#kinds.values()].flatMap((stream) =>
      stream.definition.signals
        .filter((signal) => signal.source === source && signal.detailType === detailType)
        .map((signal) => ({ stream, signal })),
    );
  }
}

/** The key of the task of an activity for an aggregate. */
export function taskKey(binding: Binding, address: Address): TaskKey {
  return {
    entity: binding.stream.definition.entityId(address),
    kind: binding.stream.kind,
    activity: binding.declaration.name,
  };
}

/** The name of an activity in the app: its own, after its kind. */
export const bindingId = (kind: string, activity: string) => `${kind}/${activity}`;

function invalid(subject: string, expected: string, received: string): TailwakeError {
  return new TailwakeError({ code: "invalid-definition", subject, expected, received });
}
