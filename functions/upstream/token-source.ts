import { readFile } from "node:fs/promises";
import { describeError, TailwakeError } from "../contract/error.ts";

/**
 * Reads the token from an environment variable, unchanged. The source throws a `TailwakeError` ("invalid-argument")
 * that names the variable if it is unset, empty, or not printable ASCII.
 */
export function tokenFromEnvironment(name: string): () => Promise<string> {
  return async () => checkToken(`environment variable ${name}`, process.env[name]);
}

/**
 * Reads the token from a file, without the white space around it. Each call of the source reads the file again, so that
 * a running process gets a rotated token. The source throws a `TailwakeError` ("invalid-argument") that names the path.
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
  /** The member of a JSON secret that is the token. Default: the whole text is the token. */
  readonly field?: string;
}

/**
 * Reads the token from the `SecretString` of a secret in AWS Secrets Manager, by name or ARN, without the white space
 * around it. Needs `secretsmanager:GetSecretValue`. Settles within about 10 s. The source throws a `TailwakeError`
 * ("invalid-argument") that names the secret, with the service's error.
 */
export function tokenFromSecret(secretId: string, { field }: SecretOptions = {}): () => Promise<string> {
  const subject = field === undefined ? `secret ${secretId}` : `field ${field} of secret ${secretId}`;
  return async () => {
    const text = await secretString(subject, secretId);
    const token = field === undefined ? text : memberOf(subject, text, field);
    return checkToken(subject, typeof token === "string" ? token.trim() : token);
  };
}

/** Printable ASCII that neither begins nor ends with a space: such a header value arrives unchanged. */
const headerText = /^[!-~](?:[ -~]*[!-~])?$/;

/** Returns a value that a header can carry. Throws a `TailwakeError` about `subject` that never shows the value. */
export function checkToken(subject: string, value: unknown): string {
  if (typeof value === "string" && headerText.test(value)) return value;
  if (value === undefined) throw unusableToken(subject, "nothing");
  if (typeof value !== "string")
    throw unusableToken(subject, `a value of type ${value === null ? "null" : typeof value}`);
  if (value.trim() === "") throw unusableToken(subject, "an empty text");
  throw unusableToken(subject, `${value.length} characters, some of which a header cannot carry`);
}

function unusableToken(subject: string, received: string): TailwakeError {
  return new TailwakeError({ code: "invalid-argument", subject, expected: "a token of printable ASCII", received });
}

/** One client per process, built at the first use, so that other apps do not load the SDK of Secrets Manager. */
let secrets: ReturnType<typeof connectSecrets> | undefined;

async function connectSecrets() {
  const { GetSecretValueCommand, SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
  // Calls wait for the token. The SDK's default has no limit; an error lets the next call try again.
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

/**
 * Describes an error of the SDK. Leaves out the text of an error about an unreadable response, which quotes the
 * response.
 */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const quotes = error instanceof SyntaxError || ("$response" in error && !("$fault" in error));
  return quotes ? `an unreadable response (${error.name})` : `${error.name}: ${describeError(error)}`;
}

function memberOf(subject: string, text: string, field: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not as the cause: a SyntaxError quotes the text.
    throw unusableToken(subject, "a secret that is not JSON");
  }
  if (typeof value !== "object" || value === null) throw unusableToken(subject, "a secret that is not a JSON object");
  return Object.hasOwn(value, field) ? (value as Readonly<Record<string, unknown>>)[field] : undefined;
}
