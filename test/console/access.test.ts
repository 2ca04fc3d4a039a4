import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, deskWorld, plainConsole } from "./console-world.ts";

describe("who may use a console", () => {
  let client: Client;
  beforeAll(async () => {
    const { world, desk } = await deskWorld();
    client = await plainConsole(world, desk);
  });
  afterAll(() => client.console.close());

  it("is nobody without the token", async () => {
    for (const path of [
      "/",
      "/page.js",
      "/api/tasks",
      "/?token=",
      "/?token=x",
      `/?token=${"A".repeat(43)}`,
      "//",
      "/%",
    ]) {
      const { status, text } = await client.send(path);
      expect(status, path).toBe(403);
      expect(text).toContain("Open the URL that the console printed");
    }
  });

  it("is whoever opens the URL first, in one session; the second is told so", async () => {
    expect(client.console.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/);
    const first = await client.enter();
    expect([first.status, client.path]).toEqual([200, expect.stringMatching(/^\/[0-9a-f]{16}\/$/)]);
    expect(String(first.headers["set-cookie"])).toMatch(
      new RegExp(`^tailwake-console=[\\w-]{43}; HttpOnly; SameSite=Strict; Path=${client.path}$`),
    );
    const { pathname, search } = new URL(client.console.url);
    const second = await client.send(`${pathname}${search}`);
    expect(second.status).toBe(403);
    expect(second.headers).not.toHaveProperty("set-cookie");
    expect(second.text).toContain("If that was not you, end the console at once");
    const { status, text } = await client.send(client.path, { headers: { cookie: client.cookie } });
    expect([status, text]).toEqual([200, expect.stringContaining('src="page.js"')]);
  });

  it("is not who has a cookie of another session, or none", async () => {
    const others = [
      "",
      "tailwake-console=",
      `${client.cookie.slice(0, -1)}*`,
      `x${client.cookie}`,
      `${client.cookie}x`,
    ];
    for (const cookie of others) {
      for (const path of ["", "page.js", "api/tasks", "api/live"]) {
        const headers = { cookie, "sec-fetch-site": "same-origin" };
        expect((await client.send(`${client.path}${path}`, { headers })).status, `${path} ${cookie}`).toBe(403);
      }
    }
  });

  it("is not who comes by another name: that of a page elsewhere may resolve to 127.0.0.1", async () => {
    const { port } = new URL(client.origin);
    const names = ["evil.example", `evil.example:${port}`, "127.0.0.1", "localhost:1", `127.0.0.1.evil:${port}`];
    for (const host of names) {
      const { status } = await client.send(`${client.path}api/tasks`, { headers: { ...client.own, host } });
      expect(status, host).toBe(403);
    }
    const headers = { ...client.own, host: `localhost:${port}` };
    expect((await client.send(`${client.path}api/tasks`, { headers })).status).toBe(200);
  });

  it("is no page of another origin, be it on this machine, and nobody who does not say", async () => {
    const { cookie } = client;
    const foreign: Record<string, string>[] = [
      { cookie },
      { cookie, "sec-fetch-site": "none" },
      { cookie, "sec-fetch-site": "same-site" },
      { cookie, "sec-fetch-site": "cross-site" },
      { cookie, origin: "null" },
      { cookie, origin: "https://evil.example" },
      { cookie, origin: "http://127.0.0.1:1" },
      { cookie, origin: client.origin, "sec-fetch-site": "same-site" },
      { cookie, origin: "http://127.0.0.1:1", "sec-fetch-site": "same-origin" },
    ];
    for (const headers of foreign) {
      for (const [method, path] of [
        ["GET", "api/tasks"],
        ["GET", "api/live"],
        ["POST", "api/task/pause"],
      ] as const) {
        const sent = { method, headers: { ...headers, "content-type": "application/json" }, body: "{}" };
        const { status, text } = await client.send(`${client.path}${path}`, sent);
        expect([status, JSON.parse(text)], `${path} ${JSON.stringify(headers)}`).toEqual([
          403,
          { error: { code: "refused", message: "expected a request of the console's own page" } },
        ]);
      }
    }
  });

  it("gets nothing that a browser would run from elsewhere, keep, frame, or tell others about", async () => {
    for (const path of ["/", client.path, `${client.path}page.js`, `${client.path}api/tasks`]) {
      const { headers } = await client.send(path, { headers: client.own });
      expect(headers).toMatchObject({
        "content-security-policy":
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
          "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
      });
    }
  });

  it("finds what is there by its method, and nothing else", async () => {
    const { own: headers, path } = client;
    const statusOf = async (to: string, method: string) =>
      (await client.send(`${path}${to}`, { method, headers })).status;
    expect(await statusOf("page.css", "GET")).toBe(200);
    expect(await statusOf("page.css", "HEAD")).toBe(200);
    expect(await statusOf("page.css", "POST")).toBe(405);
    for (const file of ["page.ts", "../package.json", "%2e%2e/package.json", "toString", "api"]) {
      expect([403, 404], file).toContain(await statusOf(file, "GET"));
    }
  });
});
