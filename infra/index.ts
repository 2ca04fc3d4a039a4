import { readFileSync } from "node:fs";
import { parse, type ScalarTag, type Tags } from "yaml";
import { checkSettings } from "./settings-check.ts";

/** The settings of a deployment. Each is described, with its default, in `settings.yml` beside this file. */
export interface InfraSettings {
  /** First part of every name, from 1 to 40 letters, digits and dashes. */
  readonly name: string;
  readonly whenTableIsDropped?: "Delete" | "Retain";
  readonly deletionProtection?: boolean;
  readonly logDays?: number;
  readonly lazyConcurrency?: number;
  readonly lazyMemoryMb?: number;
  readonly cronMemoryMb?: number;
  readonly signalsMemoryMb?: number;
  readonly eagerMemoryMb?: number;
  readonly probeMinutes?: number;
  readonly checksPerTick?: number;
  readonly eagerShards?: number;
  readonly signalsGo?: "through-the-bus" | "direct";
  readonly tokenSecret?: string;
  readonly tokenKey?: string;
  readonly alarmTopic?: string;
  /** The event pattern of your own services' signals; needed with the fragment `own-signals`. */
  readonly signalEvents?: Readonly<Record<string, unknown>>;
}

export type FunctionName = "lazy" | "cron" | "signals" | "eager";

/** An optional part of the deployment. */
export type Option = "signals" | "eager" | "own-signals";

export interface TemplateOptions {
  readonly settings: InfraSettings;
  readonly include?: readonly Option[];
  /**
   * The location of a function's code: `{ S3Bucket, S3Key }`, or the path of its zip for `sam deploy` and `aws
   * cloudformation package`, which upload it.
   */
  readonly code: (name: FunctionName) => string | { readonly S3Bucket: string; readonly S3Key: string };
  /** Environment variables of the app's own settings, for every function. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly [attribute: string]: unknown;
}

/** A CloudFormation template: plain JSON. */
export interface Template {
  readonly AWSTemplateFormatVersion: "2010-09-09";
  readonly Description: string;
  readonly Conditions: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, unknown>>;
}

/**
 * All resources of a deployment in one template, for SAM, CDK (`CfnInclude`) and plain CloudFormation. It consists of
 * the same fragments that a serverless.yml includes. Throws if a setting is missing or invalid.
 */
export function cloudFormation({ settings, include = [], code, environment = {} }: TemplateOptions): Template {
  checkSettings(settings, include, environment);
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const values = { ...defaults(), ...given };
  const fragment = (name: string) => fill(load(`${name}.yml`), values);
  const functions = fragment("functions") as Record<FunctionName, FunctionFragment>;
  const names: FunctionName[] = ["lazy", "cron", ...(["signals", "eager"] as const).filter((n) => include.includes(n))];
  const template: Mutable<Template> = {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: `Tailwake: ${settings.name}`,
    Conditions: {},
    Resources: {},
    Outputs: {},
  };
  for (const name of names) {
    Object.assign(template.Resources, functionResources(name, functions[name], code(name), environment));
  }
  for (const name of [...always, ...include]) {
    const { Conditions, Resources, Outputs } = fragment(name) as Partial<Template>;
    Object.assign(template.Conditions, Conditions);
    merge(template.Resources, Resources);
    Object.assign(template.Outputs, Outputs);
  }
  return template;
}

/** Merges fragments as osls does: an option adds to existing values, for example to the environment of a function. */
function merge(into: Record<string, unknown>, more: Readonly<Record<string, unknown>> = {}): void {
  for (const [key, value] of Object.entries(more)) {
    const existing = into[key];
    if (typeof existing === "object" && existing !== null) merge(existing as typeof into, value as typeof more);
    else into[key] = value;
  }
}

const always = ["table", "bus", "queues", "schedules", "roles", "alarms", "dashboard"] as const;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A function of a fragment, in the format of serverless.yml. */
interface FunctionFragment {
  readonly name: string;
  readonly description: string;
  readonly handler: string;
  readonly role: string;
  readonly timeout: number;
  readonly memorySize: number;
  readonly logRetentionInDays: number;
  readonly environment: Readonly<Record<string, unknown>>;
}

/** A function and its log group, with the logical ids that a serverless.yml gives them. */
function functionResources(
  id: FunctionName,
  { name, description, handler, role, timeout, memorySize, logRetentionInDays, environment }: FunctionFragment,
  code: ReturnType<TemplateOptions["code"]>,
  ownEnvironment: Readonly<Record<string, string>>,
): Record<string, Resource> {
  const prefix = `${id.charAt(0).toUpperCase()}${id.slice(1)}`;
  const texts = Object.entries({ ...ownEnvironment, ...environment }).map(([variable, value]) => [
    variable,
    typeof value === "object" ? value : String(value),
  ]);
  return {
    [`${prefix}LogGroup`]: {
      Type: "AWS::Logs::LogGroup",
      Properties: { LogGroupName: `/aws/lambda/${name}`, RetentionInDays: logRetentionInDays },
    },
    [`${prefix}LambdaFunction`]: {
      Type: "AWS::Lambda::Function",
      DependsOn: [`${prefix}LogGroup`],
      Properties: {
        Code: code,
        FunctionName: name,
        Description: description,
        Handler: handler,
        Runtime: "nodejs24.x",
        Architectures: ["arm64"],
        MemorySize: memorySize,
        Timeout: timeout,
        Role: { "Fn::GetAtt": [role, "Arn"] },
        Environment: { Variables: Object.fromEntries(texts) },
      },
    },
  };
}

/** The default settings of a stage. The name has no default, and only the app knows the field of a secret. */
function defaults(): Record<string, unknown> {
  const {
    name: _,
    tokenField: __,
    ...rest
  } = (load("settings.yml") as { readonly default: Record<string, unknown> }).default;
  return rest;
}

const variable = /\$\{self:custom\.tailwake\.(\w+)\}/g;
const onlyVariable = new RegExp(`^${variable.source}$`);

/**
 * Replaces `${self:custom.tailwake.NAME}` by the setting; a value that consists of it alone keeps the setting's type.
 */
function fill(node: unknown, values: Readonly<Record<string, unknown>>): unknown {
  if (typeof node === "string") {
    const [, whole] = onlyVariable.exec(node) ?? [];
    if (whole !== undefined) return values[whole];
    return node.replace(variable, (_, name) => String(values[name]));
  }
  if (Array.isArray(node)) return node.map((item) => fill(item, values));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, fill(value, values)]));
}

function load(file: string): unknown {
  return parse(readFileSync(new URL(file, import.meta.url), "utf8"), { customTags: intrinsics, merge: true });
}

/** The short forms of CloudFormation's intrinsic functions that the fragments use. */
const intrinsics: Tags = [
  scalar("!Ref", (text) => ({ Ref: text })),
  scalar("!Sub", (text) => ({ "Fn::Sub": text })),
  scalar("!GetAtt", (text) => ({ "Fn::GetAtt": text.split(".") })),
  ...["If", "Not", "Equals", "Select", "Split"].map((name) => ({
    tag: `!${name}`,
    collection: "seq" as const,
    resolve: (items: { toJSON(): unknown }) => ({ [`Fn::${name}`]: items.toJSON() }),
  })),
];

function scalar(tag: string, resolve: (text: string) => unknown): ScalarTag {
  return { tag, resolve };
}
