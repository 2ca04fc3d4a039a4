import { readFile } from "node:fs/promises";
import { describeError, TailwakeError } from "../contract/error.ts";

/**
 * The token in an environment variable, as it is. The source throws a `TailwakeError` that names the variable when it
 * is unset, empty, or not what a header can carry.
 */
export function tokenFromEnvironment(name: string): () => Promise<string> {
  return async () => checkToken(`environment variable ${name}`, process.env[name]);
}

/**
 * The text of a file, without the white space around it. It is read at each call, so that a file that is rotated under
 * a running process is followed. The source throws a `TailwakeError` that names the path.
 */
export function tokenFromFile(path: string): () => Promise<string> {
  const subject = `file ${path}`;
  return async () => {
    const text = await readFile(path, "utf8").catch((error: unknown) => {
      throw unusableToken(subject, describeError(error));
    });
    return checkToken(subject, text.trim());
  };
}

export interface SecretOptions {
  /** The member that is the token, if the secret is a JSON object; without it the whole text is. */
  readonly field?: string;
}

/**
 * The `SecretString` of a secret in AWS Secrets Manager, by name or ARN, without the white space around it. Needs
 * `secretsmanager:GetSecretValue`. Answers or fails within about 10 s. The source throws a `TailwakeError` that names
 * the secret, with what the service said of it.
 */
export function tokenFromSecret(secretId: string, { field }: SecretOptions = {}): () => Promise<string> {
  const subject = field === undefined ? `secret ${secretId}` : `field ${field} of secret ${secretId}`;
  return async () => {
    const text = await secretString(subject, secretId);
    const token = field === undefined ? text : memberOf(subject, text, field);
    return checkToken(subject, typeof token === "string" ? token.trim() : token);
  };
}

/** Printable ASCII that neither begins nor ends with a space: what arrives in a header as it was sent. */
const headerText = /^[!-~](?:[ -~]*[!-~])?$/;

/** Returns a value that a header can carry; else throws a `TailwakeError` about `subject`, which never shows the value. */
export function checkToken(subject: string, value: unknown): string {
  if (typeof value === "string" && headerText.test(value)) return value;
  if (value === undefined) throw unusableToken(subject, "nothing");
  if (typeof value !== "string")
    throw unusableToken(subject, `a value of type ${value === null ? "null" : typeof value}`);
  if (value.trim() === "") throw unusableToken(subject, "an empty text");
  throw unusableToken(subject, `${value.length} characters, not all of which a header can carry`);
}

function unusableToken(subject: string, received: string): TailwakeError {
  return new TailwakeError({ code: "invalid-argument", subject, expected: "a token of printable ASCII", received });
}

/** One client a process, built at the first use: who keeps no token in Secrets Manager does not load its SDK. */
let secrets: ReturnType<typeof connectSecrets> | undefined;

async function connectSecrets() {
  const { GetSecretValueCommand, SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
  // Calls wait for the token: better an error, and another try at the next call, than the SDK's default of no limit.
  const requestHandler = { connectionTimeout: 1_000, requestTimeout: 4_000, throwOnRequestTimeout: true };
  const client = new SecretsManagerClient({ requestHandler, maxAttempts: 2 });
  return (SecretId: string) => client.send(new GetSecretValueCommand({ SecretId }));
}

async function secretString(subject: string, secretId: string): Promise<string> {
  try {
    secrets ??= connectSecrets();
    const { SecretString } = await (await secrets)(secretId);
    if (SecretString !== undefined) return SecretString;
  } catch (error) {
    // Not as the cause: the SDK's errors carry the response, which may be the secret.
    throw unusableToken(subject, describeFailure(error));
  }
  throw unusableToken(subject, "a binary secret");
}

/** The words of an error of the SDK, unless it is about a response that it could not read: those quote it. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const quotes = error instanceof SyntaxError || ("$response" in error && !("$fault" in error));
  return quotes ? `an answer that is none (${error.name})` : `${error.name}: ${describeError(error)}`;
}

function memberOf(subject: string, text: string, field: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not as the cause: a SyntaxError quotes the text.
    throw unusableToken(subject, "a secret that is not JSON");
  }
  if (typeof value !== "object" || value === null) throw unusableToken(subject, "a secret that is no JSON object");
  return Object.hasOwn(value, field) ? (value as Readonly<Record<string, unknown>>)[field] : undefined;
}
