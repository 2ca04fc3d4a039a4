import type { EventPattern } from "./event-pattern.ts";
import { ServiceError } from "./service-error.ts";

export interface RuleTarget {
  readonly id: string;
  readonly arn: string;
  readonly roleArn?: string;
  readonly messageGroupId?: string;
  readonly deadLetterArn?: string;
}

export interface Rule {
  readonly name: string;
  readonly arn: string;
  readonly eventPattern: string;
  readonly matches: EventPattern;
  readonly enabled: boolean;
  readonly description?: string;
  readonly targets: Map<string, RuleTarget>;
}

/** A rule has at most this many targets (EventBridge User Guide, quotas). */
const maxTargets = 5;

/** One event bus with its rules. */
export class EventBus {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly #rules = new Map<string, Rule>();

  constructor(name: string, arn: string, createdAt: number) {
    this.name = name;
    this.arn = arn;
    this.createdAt = createdAt;
  }

  get rules(): readonly Rule[] {
    return [...this.#rules.values()];
  }

  /** Creates a rule, or replaces one and keeps its targets. */
  putRule(rule: Omit<Rule, "targets">): void {
    this.#rules.set(rule.name, { ...rule, targets: this.#rules.get(rule.name)?.targets ?? new Map() });
  }

  rule(name: string): Rule {
    const rule = this.#rules.get(name);
    if (rule) return rule;
    throw new ServiceError("ResourceNotFoundException", `Rule ${name} does not exist on EventBus ${this.name}.`);
  }

  /** Deletes a rule that has no targets; does nothing when there is no such rule. */
  deleteRule(name: string): void {
    if ((this.#rules.get(name)?.targets.size ?? 0) > 0) {
      throw new ServiceError("ValidationException", `Rule ${name} can't be deleted since it has targets.`);
    }
    this.#rules.delete(name);
  }

  putTargets(ruleName: string, targets: readonly RuleTarget[]): void {
    const rule = this.rule(ruleName);
    const count = new Set([...rule.targets.keys(), ...targets.map((target) => target.id)]).size;
    if (count > maxTargets) {
      throw new ServiceError(
        "LimitExceededException",
        `Rule ${ruleName} would have ${count} targets, more than the ${maxTargets} a rule may have.`,
      );
    }
    for (const target of targets) rule.targets.set(target.id, target);
  }
}
