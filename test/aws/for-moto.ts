import type { Template } from "../../infra/index.ts";
import { type Answers, intrinsics } from "./intrinsics.ts";
import { standIns } from "./stand-ins.ts";

/** Types for which moto's CloudFormation answers `Ref` or `Fn::GetAtt` wrongly or not at all. */
const wronglyAnswered: readonly string[] = ["AWS::Events::EventBus", "AWS::Logs::LogGroup"];

/** Whether resources of a type are named in the template, because moto has no answer. */
export const isNamedForMoto = (type: string) => type in standIns || wronglyAnswered.includes(type);

/**
 * Converts a template for moto's CloudFormation: without the resources that have a stand-in, with names and ARNs where
 * moto would answer with none or wrong ones, with role policies as text, and with lists without `AWS::NoValue`. See
 * not-in-moto.ts.
 */
export function forMoto(template: Template, answers: Answers): string {
  const { Resources, Conditions, ...rest } = template;
  const resolve = intrinsics(template, answers);
  const isNamed = (id: string) => isNamedForMoto(Resources[id]?.Type ?? "");
  const isThere = (item: unknown) => {
    const [condition, yes, no] = Object(item)["Fn::If"] ?? [];
    return condition === undefined || Object(resolve(Conditions[condition]) ? yes : no).Ref !== "AWS::NoValue";
  };
  const kept = Object.fromEntries(Object.entries(Resources).filter(([, { Type }]) => !(Type in standIns)));
  return JSON.stringify({ ...rest, Conditions, Resources: kept }, (_, value) => {
    if (Array.isArray(value)) return value.filter(isThere);
    const { Ref, "Fn::GetAtt": attribute, "Fn::Sub": text, PolicyName, PolicyDocument } = Object(value);
    if (PolicyName !== undefined) return { PolicyName, PolicyDocument: { "Fn::ToJsonString": PolicyDocument } };
    if (isNamed(String(Ref))) return answers.ref(Ref);
    if (isNamed(String(attribute?.[0]))) return answers.attribute(attribute[0], attribute[1]);
    if (text === undefined) return value;
    const replaced = text.replace(/\$\{(\w+)(?:\.(\w+))?\}/g, (whole: string, id: string, name?: string) =>
      isNamed(id) ? (name === undefined ? answers.ref(id) : answers.attribute(id, name)) : whole,
    );
    return { "Fn::Sub": replaced };
  });
}
