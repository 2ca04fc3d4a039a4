import type { ConfigField, ConfigMap } from "./gen/nogfso/registry_pb.ts";

/** One setting of a repo naming rule, in the order of the message. */
export interface NamingField {
  readonly key: string;
  readonly value: NamingValue;
}

/**
 * `json` is JSON text as the server stored it, unchecked; `none` is a value of a type that this version does not know.
 */
export type NamingValue =
  | { readonly type: "number"; readonly number: number }
  | { readonly type: "numbers"; readonly numbers: readonly number[] }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "texts"; readonly texts: readonly string[] }
  | { readonly type: "config"; readonly config: readonly NamingField[] }
  | { readonly type: "configs"; readonly configs: readonly (readonly NamingField[])[] }
  | { readonly type: "json"; readonly json: string }
  | { readonly type: "none" };

/** The decoder limits the nesting to 100 messages. */
export function namingFields(config: ConfigMap | undefined): readonly NamingField[] {
  return (config?.fields ?? []).map((field) => ({ key: field.key, value: namingValue(field.val) }));
}

function namingValue(val: ConfigField["val"]): NamingValue {
  switch (val.case) {
    case "number":
      return { type: "number", number: val.value };
    case "numberList":
      return { type: "numbers", numbers: val.value.vals };
    case "text":
      return { type: "text", text: val.value };
    case "textList":
      return { type: "texts", texts: val.value.vals };
    case "config":
      return { type: "config", config: namingFields(val.value) };
    case "configList":
      return { type: "configs", configs: val.value.vals.map(namingFields) };
    case "json":
      return { type: "json", json: Buffer.from(val.value).toString("utf8") };
    case undefined:
      return { type: "none" };
    default:
      return val satisfies never;
  }
}
