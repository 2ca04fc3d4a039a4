import { createRegistry, type DescFile, type Message, type Registry, toJson } from "@bufbuild/protobuf";
import type { StreamDeclaration } from "../contract/stream.ts";

/** Nesting beyond this depth is printed as "…". */
const maxDepth = 32;

/**
 * An event as JSON, for people. Messages of the service's own files have protobuf's JSON; of other values, the parts
 * that JSON can represent. Never throws.
 */
export function eventJson({ definition }: StreamDeclaration, event: unknown): unknown {
  return plain(event, registryOf(definition.method.output.file), maxDepth);
}

const registries = new WeakMap<DescFile, Registry>();

function registryOf(file: DescFile): Registry {
  const known = registries.get(file);
  if (known) return known;
  const registry = createRegistry(...new Set(withDependencies(file)));
  registries.set(file, registry);
  return registry;
}

const withDependencies = (file: DescFile): DescFile[] => [file, ...file.dependencies.flatMap(withDependencies)];

function plain(value: unknown, registry: Registry, depth: number): unknown {
  if (depth === 0) return "…";
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return typeof value === "number" ? finite(value) : value;
  const inner = (one: unknown) => plain(one, registry, depth - 1);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "an invalid time" : value.toISOString();
  if (value instanceof Error) return value.message;
  if (value instanceof Map) return [...value].map(inner);
  if (value instanceof Set || Array.isArray(value)) return [...value].map(inner);
  const { $typeName } = value as Partial<Message>;
  const message = $typeName === undefined ? undefined : messageJson(value as Message, registry);
  if (message !== undefined) return message;
  const members = Object.entries(value).filter(([name, one]) => !name.startsWith("$") && typeof one !== "function");
  return Object.fromEntries(members.map(([name, one]) => [name, inner(one)]));
}

/** Undefined if the service does not know the type of the message, or it is incomplete. */
function messageJson(message: Message, registry: Registry): unknown {
  const description = registry.getMessage(message.$typeName);
  try {
    return description && toJson(description, message, { registry });
  } catch {
    return undefined;
  }
}

const finite = (value: number): number | string => (Number.isFinite(value) ? value : String(value));
