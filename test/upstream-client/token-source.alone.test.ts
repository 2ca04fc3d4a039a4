import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { tokenFromEnvironment, tokenFromFile, tokenFromSecret } from "../../functions/index.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { boundClient } from "../../functions/upstream/connection.ts";
import { Credentials } from "../../functions/upstream/credentials.ts";
import { TestClock } from "../support/test-clock.ts";
import { expectHidden } from "./exposure.ts";
import { GuardedServer } from "./guarded-server.ts";
import { type SecretsManager, startSecretsManager } from "./secrets-manager.ts";

/** The SDK as it is, and how often it was loaded. */
const sdk = vi.hoisted(() => ({ loads: 0 }));
vi.mock("@aws-sdk/client-secrets-manager", (importOriginal) => {
  sdk.loads++;
  return importOriginal();
});

const malformed = [
  ["a line end within", "secret-one\nsecret-two"],
  ["a control character", "secret-one\u0001"],
  ["no ASCII", "secret-one-ü"],
] as const;

async function refusal(source: () => Promise<string>): Promise<Error> {
  const error: unknown = await source().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "TailwakeError", code: "invalid-argument" });
  expectHidden(error, "secret-one", "secret-two");
  return error as Error;
}

describe("a token from an environment variable", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("is the variable's value", async () => {
    vi.stubEnv("SOME_TOKEN", "abc");
    expect(await tokenFromEnvironment("SOME_TOKEN")()).toBe("abc");
  });

  it("is missed by the variable's name, and never shown", async () => {
    expect((await refusal(tokenFromEnvironment("SOME_TOKEN"))).message).toBe(
      "environment variable SOME_TOKEN: expected a token of printable ASCII, received nothing [invalid-argument]",
    );
    for (const [, value] of [["empty", ""], ["blank", "  "], ...malformed]) {
      vi.stubEnv("SOME_TOKEN", value);
      expect((await refusal(tokenFromEnvironment("SOME_TOKEN"))).message).toContain("environment variable SOME_TOKEN");
    }
  });
});

describe("a token from a file", () => {
  let directory = "";
  let path = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "tailwake-token-"));
    path = join(directory, "token");
  });
  afterAll(() => rm(directory, { recursive: true }));

  it("is the file's text without the white space around it, read at each call", async () => {
    const source = tokenFromFile(path);
    for (const [text, token] of [
      ["abc\n", "abc"],
      [" \tnext\r\n\n", "next"],
    ] as const) {
      await writeFile(path, text);
      expect(await source()).toBe(token);
    }
  });

  it("is followed by a running process", async () => {
    const clock = new TestClock();
    const server = new GuardedServer();
    const credentials = new Credentials(tokenFromFile(path), { clock });
    const client = boundClient(server.transport(credentials), Repos, new AbortController().signal);
    await writeFile(path, "old\n");
    await client.getRepo({});
    await writeFile(path, "new\n");
    await client.getRepo({});
    await clock.advance(5 * 60_000);
    await client.getRepo({});
    await rm(path);
    await clock.advance(5 * 60_000);
    await client.getRepo({});
    expect(server.seen).toEqual(["old", "old", "new", "new"]);
  });

  it("is missed by the file's path, and never shown", async () => {
    const missing = join(directory, "missing");
    expect((await refusal(tokenFromFile(missing))).message).toMatch(`file ${missing}: expected a token`);
    expect((await refusal(tokenFromFile(missing))).message).toContain("ENOENT");
    expect((await refusal(tokenFromFile(directory))).message).toContain(`file ${directory}`);
    for (const [, text] of [["empty", ""], ["blank", " \n"], ...malformed]) {
      await writeFile(path, text);
      expect((await refusal(tokenFromFile(path))).message).toContain(`file ${path}`);
    }
  });
});

describe("a token from Secrets Manager", () => {
  let service: SecretsManager;
  beforeAll(async () => {
    service = await startSecretsManager();
    vi.stubEnv("AWS_ENDPOINT_URL_SECRETS_MANAGER", service.url);
    vi.stubEnv("AWS_REGION", "us-east-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  });
  afterAll(async () => {
    await service.close();
    vi.unstubAllEnvs();
  });

  it("loads the SDK at the first use, and builds one client", async () => {
    service.secrets.set("nog/token", "abc");
    const sources = [tokenFromSecret("nog/token"), tokenFromSecret("nog/token"), tokenFromSecret("nog/token")];
    expect(sdk.loads).toBe(0);
    for (const source of sources) expect(await source()).toBe("abc");
    expect(sdk.loads).toBe(1);
    expect(service.connections).toBe(1);
    expect(service.asked).toEqual(["nog/token", "nog/token", "nog/token"]);
  });

  it("is the secret's text without the white space around it, as it is at each call", async () => {
    const source = tokenFromSecret("nog/token");
    for (const [text, token] of [
      [" abc\n", "abc"],
      ["next", "next"],
    ] as const) {
      service.secrets.set("nog/token", text);
      expect(await source()).toBe(token);
    }
  });

  it("may be a field of a JSON secret", async () => {
    service.secrets.set("nog/json", JSON.stringify({ user: "u", token: " abc\n", count: 5, nested: {} }));
    expect(await tokenFromSecret("nog/json", { field: "token" })()).toBe("abc");
    for (const field of ["missing", "count", "nested", "toString"]) {
      const error = await refusal(tokenFromSecret("nog/json", { field }));
      expect(error.message).toContain(`field ${field} of secret nog/json`);
    }
    for (const text of ["secret-one", '{"token":"secret-one', "null", '"secret-one"']) {
      service.secrets.set("nog/json", text);
      const error = await refusal(tokenFromSecret("nog/json", { field: "token" }));
      expect(error.message).toContain("field token of secret nog/json");
    }
  });

  it("is missed by the secret's id, with the words of the service", async () => {
    const error = await refusal(tokenFromSecret("nog/missing"));
    expect(error.message).toBe(
      "secret nog/missing: expected a token of printable ASCII, received ResourceNotFoundException: " +
        "Secrets Manager can't find the specified secret. [invalid-argument]",
    );
  });

  it("is never shown, be it malformed, binary, or an answer cut off", async () => {
    const answers = [
      ["empty", ""],
      ["blank", " "],
      ...malformed,
      ["binary", { SecretBinary: Buffer.from("secret-one").toString("base64") }],
      ["cut off", { body: '{"SecretString":"secret-one' }],
      ["not JSON", { body: '{"SecretString": secret-one}' }],
    ] as const;
    for (const [id, answer] of answers) {
      service.secrets.set(id, answer);
      const error = await refusal(tokenFromSecret(id));
      expect(error.message).toContain(`secret ${id}`);
      expectHidden(error, Buffer.from("secret-one").toString("base64"));
    }
  });
});
