import { InvalidField, serializationError } from "./service-error.ts";

export type JsonObject = { readonly [key: string]: unknown };

export interface TextRule {
  /** Lengths in characters. */
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
  readonly oneOf?: readonly string[];
}

export interface RangeRule {
  readonly min: number;
  readonly max: number;
}

/**
 * Reads the fields of one request structure. A field of the wrong JSON type is a SerializationException, as in the
 * services; a missing field, or one that breaks its rule, is an `InvalidField`.
 */
export class RequestFields {
  readonly #values: JsonObject;
  readonly #path: string;

  constructor(values: unknown, path = "") {
    if (!isJsonObject(values)) {
      throw serializationError(`${path || "The request"} must be a JSON object, but is ${describe(values)}.`);
    }
    this.#values = values;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  /** Refuses fields that this endpoint does not support, instead of ignoring them. */
  allowOnly(...names: readonly string[]): void {
    const unknown = Object.keys(this.#values).find((name) => this.has(name) && !names.includes(name));
    if (unknown !== undefined) {
      throw new InvalidField("invalid", `${this.#at(unknown)} is not supported here; supported: ${names.join(", ")}.`);
    }
  }

  text(name: string, rule: TextRule = {}): string {
    return this.optionalText(name, rule) ?? this.#missing(name);
  }

  optionalText(name: string, rule: TextRule = {}): string | undefined {
    const value = this.#read(name, "string");
    if (value === undefined) return undefined;
    const { min = 0, max = Number.POSITIVE_INFINITY, pattern, oneOf } = rule;
    if (value.length < min || value.length > max) {
      this.#invalid(name, `have between ${min} and ${max} characters`, `${value.length} characters`);
    }
    if (pattern && !pattern.test(value)) this.#invalid(name, `satisfy the regular expression ${pattern.source}`, value);
    if (oneOf && !oneOf.includes(value)) this.#invalid(name, `be one of ${oneOf.join(", ")}`, value);
    return value;
  }

  integer(name: string, rule: RangeRule): number {
    return this.optionalInteger(name, rule) ?? this.#missing(name);
  }

  optionalInteger(name: string, { min, max }: RangeRule): number | undefined {
    const value = this.#read(name, "number");
    if (value === undefined) return undefined;
    if (!Number.isInteger(value) || value < min || value > max) {
      this.#invalid(name, `be an integer between ${min} and ${max}`, String(value));
    }
    return value;
  }

  /** A timestamp in epoch seconds, as milliseconds since 1970-01-01T00:00:00Z. */
  optionalTimeMs(name: string): number | undefined {
    const value = this.#read(name, "number");
    if (value === undefined) return undefined;
    const ms = value * 1000;
    if (Number.isNaN(new Date(ms).getTime())) this.#invalid(name, "be a time in epoch seconds", String(value));
    return ms;
  }

  fields(name: string): RequestFields {
    return this.optionalFields(name) ?? this.#missing(name);
  }

  optionalFields(name: string): RequestFields | undefined {
    return this.has(name) ? new RequestFields(this.#values[name], this.#at(name)) : undefined;
  }

  list(name: string, { min, max }: RangeRule): readonly unknown[] {
    const value = this.#values[name] ?? this.#missing(name);
    if (!Array.isArray(value)) throw serializationError(`${this.#at(name)} must be a list, but is ${describe(value)}.`);
    if (value.length < min || value.length > max) {
      this.#invalid(name, `have between ${min} and ${max} members`, `${value.length} members`);
    }
    return value;
  }

  fieldsList(name: string, rule: RangeRule): readonly RequestFields[] {
    return this.list(name, rule).map((value, index) => new RequestFields(value, `${this.#at(name)}[${index}]`));
  }

  optionalTexts(name: string): readonly string[] {
    if (!this.has(name)) return [];
    return this.list(name, { min: 0, max: Number.POSITIVE_INFINITY }).map((value, index) => {
      if (typeof value === "string") return value;
      throw serializationError(`${this.#at(name)}[${index}] must be a string, but is ${describe(value)}.`);
    });
  }

  optionalTextMap(name: string): Readonly<Record<string, string>> | undefined {
    const fields = this.optionalFields(name);
    if (!fields) return undefined;
    return Object.fromEntries(Object.keys(fields.#values).map((key) => [key, fields.text(key)]));
  }

  keys(): readonly string[] {
    return Object.keys(this.#values);
  }

  #read(name: string, type: "string"): string | undefined;
  #read(name: string, type: "number"): number | undefined;
  #read(name: string, type: "string" | "number"): unknown {
    if (!this.has(name)) return undefined;
    const value = this.#values[name];
    if (typeof value === type) return value;
    throw serializationError(`${this.#at(name)} must be a ${type}, but is ${describe(value)}.`);
  }

  #at(name: string): string {
    return this.#path ? `${this.#path}.${name}` : name;
  }

  #missing(name: string): never {
    throw new InvalidField("missing", `The request must contain ${this.#at(name)}.`);
  }

  #invalid(name: string, constraint: string, actual: string): never {
    const shown = actual.length > 200 ? `${actual.slice(0, 200)}...` : actual;
    throw new InvalidField("invalid", `Value at ${this.#at(name)} must ${constraint}, but is '${shown}'.`);
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
