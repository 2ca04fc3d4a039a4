import { afterEach, describe, expect, it, vi } from "vitest";

const environment = {
  TAILWAKE_TABLE: "tasks",
  TAILWAKE_BUS_ARN: "arn:aws:events:us-east-1:123456789012:event-bus/tailwake",
  TAILWAKE_SCHEDULE_GROUP: "tailwake",
  TAILWAKE_SCHEDULE_ROLE_ARN: "arn:aws:iam::123456789012:role/schedules",
  TAILWAKE_NOG_URL: "http://127.0.0.1:1",
  TAILWAKE_NOG_PROTOCOL: "grpc",
  TAILWAKE_NOG_REGISTRIES: "exreg",
};

/** Starts the app that this repository deploys, as a process would. */
async function started(more: Readonly<Record<string, string>>) {
  vi.resetModules();
  for (const [name, value] of Object.entries({ ...environment, ...more })) vi.stubEnv(name, value);
  try {
    return await import("../../functions/handlers/reference-app.ts");
  } finally {
    vi.unstubAllEnvs();
  }
}

describe("the token of the reference app", () => {
  afterEach(() => {
    vi.resetModules();
  });

  it.each([
    {},
    { TAILWAKE_NOG_TOKEN: "abc", TAILWAKE_NOG_TOKEN_FILE: "", TAILWAKE_NOG_TOKEN_SCHEME: "Bearer" },
    { TAILWAKE_NOG_TOKEN_FILE: "/run/token", TAILWAKE_NOG_TOKEN_SCHEME: "bare" },
    { TAILWAKE_NOG_TOKEN_SECRET: "arn:aws:secretsmanager:us-east-1:123456789012:secret:nog/token-AbCdEf" },
  ])("comes from one place, or there is none: %o", async (more) => {
    const { app } = await started(more);
    const given = Object.keys(more).length > 0;
    expect(app.upstreams.nog?.authorization).toEqual(given ? expect.any(Function) : undefined);
  });

  it("from two places at once is refused by their names, without the token", async () => {
    const more = { TAILWAKE_NOG_TOKEN: "hunter2", TAILWAKE_NOG_TOKEN_SECRET: "nog/token", TAILWAKE_NOG_URL: "nowhere" };
    const error = await started(more).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: "SettingsError",
      problems: [
        { name: "TAILWAKE_NOG_URL", expected: "the URL of the nog server", received: '"nowhere"' },
        {
          name: "TAILWAKE_NOG_TOKEN, TAILWAKE_NOG_TOKEN_FILE, TAILWAKE_NOG_TOKEN_SECRET",
          expected: "at most one of them",
          received: "TAILWAKE_NOG_TOKEN and TAILWAKE_NOG_TOKEN_SECRET",
        },
      ],
    });
    expect(String(error)).not.toContain("hunter2");
  });

  it.each([
    { TAILWAKE_NOG_TOKEN_FIELD: "token", expected: { field: "token" } },
    { TAILWAKE_NOG_TOKEN_FIELD: "", expected: {} },
  ])("is the member of the secret that is named, or all of it: %o", async ({ expected, ...more }) => {
    const tokenFromSecret = vi.fn();
    vi.doMock("../../functions/upstream/token-source.ts", async (original) => ({
      ...(await original<object>()),
      tokenFromSecret,
    }));
    await started({ TAILWAKE_NOG_TOKEN_SECRET: "nog/token", ...more });
    vi.doUnmock("../../functions/upstream/token-source.ts");
    expect(tokenFromSecret.mock.calls).toEqual([["nog/token", expected]]);
  });

  it.each([",", "exreg,", "a,,b", "a b"])("does not hide registries that are none: %j", async (registries) => {
    await expect(started({ TAILWAKE_NOG_REGISTRIES: registries })).rejects.toMatchObject({
      name: "SettingsError",
      problems: [{ name: "TAILWAKE_NOG_REGISTRIES" }],
    });
  });

  it("is said bare or as Bearer, and in no other way", async () => {
    await expect(started({ TAILWAKE_NOG_TOKEN_SCHEME: "Basic" })).rejects.toThrow(
      'TAILWAKE_NOG_TOKEN_SCHEME: expected one of bare, Bearer, received "Basic"',
    );
  });
});
