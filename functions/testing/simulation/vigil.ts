import type { App } from "../../app.ts";
import { sourceDeclarationOf } from "../../contract/signal-source.ts";
import type { Binding } from "../../engines/binding.ts";
import { rulesOf } from "../../engines/rules.ts";
import { type TaskRecord, taskName } from "../../tasks/record.ts";
import type { Ailments } from "./ailments.ts";
import type { Deployment } from "./deployment.ts";
import type { Inspector } from "./inspector.ts";
import type { SimulatedProcess } from "./process.ts";
import type { SimulatedWorld } from "./world.ts";

const minuteMs = 60_000;
/**
 * Rule 22, for a task that nothing ails: a probe period (15 min), the grace (3), a tick and the lag of its index (2), a
 * delivery with a task that hangs, which ends after a visibility timeout, up to its second strike (5), and a run (2).
 */
const maxReadMs = 30 * minuteMs;
/** In quarantine it waits behind the tasks that hang: two at once, each until its lease is over. */
const waitForEachMs = minuteMs;
/** Rule 11: ticks come each minute; one that is cut short leaves the rest to the next ones. */
const maxOverdueMs = 15 * minuteMs;
/** As the product has it: the grace, and how long the queue counts as late after a late message. */
const lateQueueMs = 2 * minuteMs;
/** Sweeps that have checked one task so often have checked each other one, too. */
const unfairSweeps = 6;

/** Watches, in a world in which some tasks ail, that ticks do their work and that the other tasks come forward. */
export class Vigil {
  readonly #world: SimulatedWorld;
  readonly #deployment: Deployment;
  readonly #inspector: Inspector;
  readonly #ailments: Ailments;
  readonly #versions: readonly App[];
  readonly #begunAt: number;
  /** How often the signals function has opened a stream of an aggregate. */
  readonly #sweeps = new Map<string, number>();
  /** When the wake queue was last late. */
  #lateAt = 0;

  constructor(
    world: SimulatedWorld,
    deployment: Deployment,
    inspector: Inspector,
    ailments: Ailments,
    versions: readonly App[],
  ) {
    this.#world = world;
    this.#deployment = deployment;
    this.#inspector = inspector;
    this.#ailments = ailments;
    this.#versions = versions;
    this.#begunAt = world.timeline.now;
  }

  begin(): void {
    this.#deployment.upstream.onOpen = (process, entity) => this.#onOpen(process, entity);
    this.#everyMinute();
  }

  #onOpen({ name }: SimulatedProcess, entity: string): void {
    if (name.startsWith("signals-")) this.#sweeps.set(entity, (this.#sweeps.get(entity) ?? 0) + 1);
  }

  #everyMinute(): void {
    this.#world.timeline.after(minuteMs, async () => {
      if (this.#world.isCalm) return;
      await this.#look();
      this.#everyMinute();
    });
  }

  async #look(): Promise<void> {
    const { now } = this.#world.timeline;
    if (this.#deployment.wakeQueueAgeMs > lateQueueMs) this.#lateAt = now;
    if (this.#deployment.killedTicks > 0)
      this.#inspector.fail("rule 11", "a tick did not end within its deadline", "all");
    const records = await this.#deployment.recordsOfApp();
    const healthy = records.flatMap((record) => {
      const binding = this.#bindingOf(record);
      return binding && this.#isHealthy(record, binding) ? [{ record, binding }] : [];
    });
    if (this.#ailments.slowMessageMs === 0) {
      const ailing = records.filter(({ entity }) => this.#ailments.entities.has(entity)).length;
      for (const record of records) this.#expectChecked(record, now);
      for (const { record, binding } of healthy) this.#expectForward(record, binding, now, ailing);
    }
    this.#expectFairSweeps(healthy);
  }

  /** The binding of a task, if each version of the app has the same. */
  #bindingOf({ kind, activity: name }: TaskRecord): Binding | undefined {
    const bound = this.#versions.map(({ activities }) =>
      activities.find(({ activity }) => activity.name === name && activity.stream.kind === kind),
    );
    const [first] = bound;
    const isSame = bound.every((one) => one?.engine === first?.engine && one?.everyMinutes === first?.everyMinutes);
    if (!first || !isSame) return undefined;
    return this.#deployment.wholeBindings.find({ kind, activity: name });
  }

  #isHealthy({ entity, status, paused }: TaskRecord, { stream }: Binding): boolean {
    const { entities, upstream } = this.#ailments;
    return !entities.has(entity) && stream.upstream !== upstream && status !== "parked" && !paused;
  }

  /** Ticks check each task that is due, unless the wake queue is late. */
  #expectChecked(record: TaskRecord, now: number): void {
    const { due } = record;
    if (due === undefined) return;
    const overdueMs = now - Math.max(due, this.#lateAt, this.#deployment.deployedAt, this.#begunAt);
    if (overdueMs > maxOverdueMs)
      this.#found("rule 11", `it has been due for ${minutes(now - due)} minutes, and no tick checks it`, record);
  }

  /** It reads what comes, runs at its slots, and is called when it is owed. */
  #expectForward(record: TaskRecord, binding: Binding, now: number, ailing: number): void {
    const boundMs = maxReadMs + ailing * waitForEachMs;
    const { arrivals, owed } = this.#inspector;
    const intervalMs = binding.everyMinutes * minuteMs;
    // A tick checks a task that awaits a child once an hour.
    const restMs = binding.engine === "cron" ? intervalMs : record.awaiting ? 60 * minuteMs : 0;
    const from = now - boundMs;
    const unread = arrivals.unreadBefore(record, from - restMs);
    const since = owed.owedTo(record)?.since;
    if (unread && record.startedAt < from - restMs && !arrivals.waitsAsAsked(record, now)) {
      const what = `nothing ails it, and event ${unread.id} has not been read for ${minutes(now - unread.addedAt)} minutes`;
      this.#found("rule 22", what, record);
    } else if (since !== undefined && since < from) {
      this.#found("rule 22", `nothing ails it, and it was not called for ${minutes(now - since)} minutes`, record);
    } else if (binding.engine === "cron" && arrivals.ranAt(record) < from - intervalMs) {
      this.#found(
        "rule 22",
        `nothing ails it, and it last ran ${minutes(now - arrivals.ranAt(record))} minutes ago`,
        record,
      );
    }
  }

  /** A sweep that ends before it has checked all tasks must not be followed by one that begins with the same. */
  #expectFairSweeps(healthy: readonly { readonly record: TaskRecord; readonly binding: Binding }[]): void {
    const perEntity = new Map<string, number>();
    for (const { record } of healthy) perEntity.set(record.entity, (perEntity.get(record.entity) ?? 0) + 1);
    const { signalSources } = this.#deployment.app;
    const upstreams = new Set(signalSources.map((source) => sourceDeclarationOf(source).upstream));
    const swept = healthy.filter(
      ({ record, binding }) =>
        upstreams.has(binding.stream.upstream) &&
        perEntity.get(record.entity) === 1 &&
        rulesOf(binding.engine).onSignal === "run" &&
        record.status === "sleeping" &&
        record.awaiting === undefined &&
        record.startedAt < this.#world.timeline.now - maxReadMs,
    );
    const counts = swept.map(({ record }) => this.#sweeps.get(record.entity) ?? 0);
    const never = swept[counts.indexOf(0)];
    if (never && Math.max(...counts) >= unfairSweeps)
      this.#found("rule 22", `no sweep has checked it, and another task ${Math.max(...counts)} times`, never.record);
  }

  #found(rule: string, what: string, record: TaskRecord): void {
    this.#inspector.fail(rule, what, taskName(record));
  }
}

const minutes = (ms: number): number => Math.round(ms / minuteMs);
