import type { IncomingMessage } from "node:http";
import { describeValue, isUtf8 } from "tailwake/operate";
import { invalid, Refusal } from "./refusal.ts";

const maxBodyBytes = 65_536;

/** The unvalidated fields of a request by name: of a JSON body or of a query. */
export type Fields = Readonly<Record<string, unknown>>;

/** Reads a body. Throws a {@link Refusal} if it is too large, and an "invalid-argument" if it is not an object. */
export async function readBody(request: IncomingMessage): Promise<Fields> {
  if (!/^application\/json(;|$)/.test(request.headers["content-type"] ?? "")) {
    throw new Refusal(415, "expected a body of type application/json");
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new Refusal(413, `expected a body of at most ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  const value = parsed(Buffer.concat(chunks).toString());
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw invalid("body", "a JSON object", describeValue(value));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function textField(fields: Fields, name: string, maxLength: number): string {
  const text = optionalText(fields, name, maxLength);
  if (text !== undefined) return text;
  throw invalid(name, `a text of 1 to ${maxLength} characters`, "none");
}

/** Undefined if the field is absent or empty. */
export function optionalText(fields: Fields, name: string, maxLength: number): string | undefined {
  const value = fieldOf(fields, name);
  if (value === undefined || value === "") return undefined;
  if (typeof value === "string" && value.length <= maxLength && isUtf8(value)) return value;
  throw invalid(name, `a text of 1 to ${maxLength} characters`, describeValue(value));
}

export function optionalChoice<C extends string>(fields: Fields, name: string, choices: readonly C[]): C | undefined {
  const text = optionalText(fields, name, 100);
  const chosen = choices.find((choice) => choice === text);
  if (chosen !== undefined || text === undefined) return chosen;
  throw invalid(name, `one of ${choices.join(", ")}`, describeValue(text));
}

/** 0 if the field is absent. */
export function countField(fields: Fields, name: string): number {
  const text = optionalText(fields, name, 10) ?? "0";
  if (/^\d+$/.test(text)) return Number(text);
  throw invalid(name, "a whole number from 0", describeValue(text));
}

/** False if the field is absent. */
export function flagField(fields: Fields, name: string): boolean {
  const value = fieldOf(fields, name) ?? false;
  if (typeof value === "boolean") return value;
  throw invalid(name, "true or false", describeValue(value));
}

const fieldOf = (fields: Fields, name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined);
