import type { Template } from "../../infra/index.ts";

/** The answers of a stack's resources to `Ref` and `Fn::GetAtt`. */
export interface Answers {
  ref(id: string): unknown;
  attribute(id: string, name: string): unknown;
}

/** CloudFormation's pseudo parameters for moto's only account. */
export const pseudoParameters: Readonly<Record<string, string>> = {
  "AWS::AccountId": "123456789012",
  "AWS::Partition": "aws",
  "AWS::Region": "us-east-1",
  "AWS::URLSuffix": "amazonaws.com",
};

/** Evaluates the intrinsic functions in a template's values, as CloudFormation does; throws for an unknown one. */
export function intrinsics(template: Template, answers: Answers): (value: unknown) => unknown {
  const ref = (id: string) => (id.startsWith("AWS::") ? pseudoParameters[id] : answers.ref(id));
  const functions: Readonly<Record<string, (argument: never) => unknown>> = {
    Ref: (id: string) => ref(id),
    "Fn::GetAtt": ([id, name]: readonly [string, string]) => answers.attribute(id, name),
    "Fn::Sub": (text: string) =>
      text.replace(/\$\{([\w:]+)(?:\.(\w+))?\}/g, (_, id, name) =>
        String(name === undefined ? ref(id) : answers.attribute(id, name)),
      ),
    "Fn::Join": ([separator, parts]: readonly [string, unknown[]]) => parts.map(resolve).join(separator),
    "Fn::Select": ([index, items]: readonly [number, unknown]) => (resolve(items) as unknown[])[index],
    "Fn::Split": ([separator, text]: readonly [string, unknown]) => String(resolve(text)).split(separator),
    "Fn::If": ([condition, yes, no]: readonly [string, unknown, unknown]) =>
      resolve(resolve(template.Conditions[condition]) ? yes : no),
    "Fn::Equals": ([one, other]: readonly [unknown, unknown]) => resolve(one) === resolve(other),
    "Fn::Not": ([condition]: readonly [unknown]) => !resolve(condition),
  };
  function resolve(value: unknown): unknown {
    // AWS::NoValue removes the item.
    if (Array.isArray(value)) return value.map(resolve).filter((item) => item !== undefined);
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value);
    const [name = "", argument] = entries[0] ?? [];
    if (entries.length === 1 && /^(Ref|Fn::\w+)$/.test(name)) {
      const answer = functions[name];
      if (answer === undefined) throw new Error(`${name}: expected one of ${Object.keys(functions).join(", ")}`);
      return answer(argument as never);
    }
    const resolved = entries.map(([key, item]) => [key, resolve(item)]);
    return Object.fromEntries(resolved.filter(([, item]) => item !== undefined));
  }
  return resolve;
}
