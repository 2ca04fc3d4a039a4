import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startConsole } from "../../console/server.ts";
import { taskName } from "../../functions/tasks/record.ts";
import { audit, overflow } from "./audit.ts";
import { type Bench, type Opened, openConsole, startBench } from "./browser.ts";
import { pageWorld } from "./page-world.ts";
import { sleeping } from "./records.ts";

const screenshots = fileURLToPath(new URL("../../.build/screenshots", import.meta.url));
const views = {
  overview: "#/",
  tasks: "#/tasks",
  task: "#/task/thing%2Freader%40run",
  parked: "#/task/thing%2Ffragile%40p",
  upstreams: "#/upstreams",
  engines: "#/engines",
  actions: "#/actions",
  nowhere: "#/nowhere",
  gone: "#/task/thing%2Freader%40gone",
};

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
  mkdirSync(screenshots, { recursive: true });
});
afterAll(() => bench.close());

let opened: Opened[] = [];
afterEach(async () => {
  const closing = opened;
  opened = [];
  for (const one of closing) await one.close();
});

type Made = Awaited<ReturnType<typeof pageWorld>>;

const optionsOf = ({ world, desk }: Made) => ({ desk, by: "kim", deployment: "orders-prod", clock: world.clock });

async function open(made: Made, context: Parameters<typeof openConsole>[2] = {}, kill?: () => Promise<number>) {
  const one = await openConsole(bench, { ...optionsOf(made), kill }, context);
  opened.push(one);
  return one;
}

/** Navigates to a view as a link does, and waits until it is shown. */
async function go(page: Page, hash: string, heading: string | RegExp = /./): Promise<void> {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
  // Wait until the view has replaced its loading text.
  await page.getByText(/^Reading the t/).waitFor({ state: "detached" });
  if (hash.startsWith("#/tasks")) await page.locator(".tasks, .empty").first().waitFor();
}

describe("the console's page", () => {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1280, 360]) {
      it(`shows each view in a ${colorScheme} window of ${width} px, to everybody, and asks nobody else`, async () => {
        const one = await open(await pageWorld(), { colorScheme, viewport: { width, height: 800 } }, async () => 1);
        for (const [name, hash] of Object.entries(views)) {
          await go(one.page, hash);
          await one.page.screenshot({ path: join(screenshots, `${name}-${colorScheme}-${width}.png`), fullPage: true });
          expect(await one.page.evaluate(audit), name).toEqual([]);
          expect(await one.page.evaluate(overflow), name).toBe(0);
        }
        await go(one.page, views.task);
        await one.page.getByRole("button", { name: "Rewind" }).click();
        await one.page.getByRole("dialog").waitFor();
        await one.page.screenshot({ path: join(screenshots, `dialog-${colorScheme}-${width}.png`) });
        expect(await one.page.evaluate(audit), "dialog").toEqual([]);
        expect(one.wrong).toEqual([]);
      });
    }
  }

  it("changes without a reload when the table does, and says when it is not of now", async () => {
    const made = await pageWorld();
    const { world, desk } = made;
    const { page, console: served, wrong } = await open(made);
    const verdict = page.locator(".verdict");
    await verdict.getByText("printers cannot be reached").waitFor();
    await world.ports.breakers.change("printers", (stored) => ({ ...stored, state: "closed" }));
    await world.clock.advance(2_000);
    await verdict.getByText("Parked and waiting for an operator: 1.").waitFor();
    const announced = page.locator("header [role=status].unseen");
    expect(await announced.textContent()).toBe("Parked and waiting for an operator: 1.");
    expect(await page.getByRole("figure").filter({ hasText: "Runs per second" }).textContent()).toContain("0.0 now");

    await go(page, "#/task/thing%2Fcounter%40b", "thing/counter@b");
    await page.getByText('"events": 2').waitFor();
    world.append("b", "e3");
    await desk.operators.wake({ kind: "thing", activity: "counter", entity: "b" });
    await world.drain();
    await world.clock.advance(2_000);
    await page.locator("ins").filter({ hasText: '"events": 3' }).waitFor();
    expect(await page.locator("del").first().textContent()).toContain('"events": 2');
    expect(await page.locator(".timeline").textContent()).toMatch(
      /Run 2 caught up.*woken by an operator, 1 event.*e2 → e3/,
    );

    expect(await page.locator(".live").textContent()).toContain("Live");
    expect(wrong).toEqual([]);
    await served.close();
    await page.getByText("Connection lost since").waitFor();
    const port = Number(new URL(served.url).port);
    const next = await startConsole({ ...optionsOf(made), port, pageFolder: bench.pageFolder });
    await page.getByText("The console's process has ended or restarted").waitFor();
    await next.close();
  });

  it("is worked by keyboard alone: from the list to a task, that is paused with a reason", async () => {
    const made = await pageWorld();
    const { page, wrong } = await open(made);
    const press = async (key: string, until: string, max = 40) => {
      for (let i = 0; i < max; i++) {
        await page.keyboard.press(key);
        const focused = await page.evaluate(() => document.activeElement?.closest("a, button")?.textContent ?? "");
        if (focused.includes(until)) return;
      }
      throw new Error(`the focus does not come to ${until}`);
    };
    await press("Tab", "Tasks", 5);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Tasks" }).waitFor();
    await page.waitForFunction(() => document.activeElement?.tagName === "H1");
    expect(await page.title()).toBe("Tasks · Tailwake");
    await page.getByRole("link", { name: "b thing/counter" }).waitFor();
    await press("Tab", "bthing/counter");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "thing/counter@b" }).waitFor();
    await page.getByText("It has caught up and sleeps").first().waitFor();
    await press("Tab", "Pause…");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Pause" }).waitFor();
    await page.keyboard.press("Enter");
    expect(await made.world.record("b")).not.toHaveProperty("paused");
    await page.keyboard.type("moving the printer");
    await page.keyboard.press("Enter");
    await page.getByRole("status").getByText("Paused thing/counter@b.").waitFor();
    await page.getByText("by kim: moving the printer").first().waitFor();
    expect(await made.world.record("b")).toMatchObject({
      paused: true,
      intervention: { reason: "moving the printer" },
    });
    await press("Tab", "Resume…");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Resume" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Resume…");
    expect(wrong).toEqual([]);
  });

  it("shows in the dialog why something was refused", async () => {
    const made = await pageWorld();
    const { page } = await open(made);
    await go(page, views.task, "thing/reader@run");
    await page.getByRole("button", { name: "Rewind" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill("once more");
    await dialog.getByRole("button", { name: "Rewind" }).click();
    await dialog.getByRole("alert").getByText("a task that is not running, or force").waitFor();
    await dialog.getByLabel("Also while it runs").check();
    await dialog.getByRole("button", { name: "Rewind" }).click();
    await page.getByText("Moved the tail of thing/reader@run.").waitFor();
    expect(await made.world.record("run")).toMatchObject({ status: "ready", tail: "epoch" });
  });

  it("counts on demand how far a task is behind", async () => {
    const made = await pageWorld();
    const { page } = await open(made);
    made.world.append("b", "e3", "e4");
    await go(page, "#/task/thing%2Fcounter%40b", "thing/counter@b");
    await page.getByRole("button", { name: "Count the events" }).click();
    await page.getByText("2 behind; the head is e4.").waitFor();
  });

  it("kills the running function where it is this machine's, and shows how the lease recovers", async () => {
    const made = await pageWorld();
    const { world } = made;
    let kills = 0;
    const { page } = await open(made, {}, async () => ++kills);
    await go(page, views.task, "thing/reader@run");
    await page.getByText("run 9 has the lease").first().waitFor();
    await page.getByRole("button", { name: "Kill the lazy function" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Kill the lazy function" }).click();
    await page.getByText("Killed 1 of its processes.").waitFor();
    expect(kills).toBe(1);
    const announced = page.locator("main .unseen");
    const before = await announced.textContent();
    const shown = await page.locator(".sentence").textContent();
    await world.clock.advance(10_000);
    await page.waitForFunction((old) => document.querySelector(".sentence")?.textContent !== old, shown);
    expect(await announced.textContent()).toBe(before);
    await world.clock.advance(60_000);
    await page.getByText("Run 9 was killed: its lease ended at").first().waitFor();
    expect(await announced.textContent()).toContain("Run 9 was killed");
    const { token: _, leaseUntil: __, ...free } = sleeping("run", world.clock.now());
    world.seed({ ...(await world.record("run")), ...free, fence: 10 });
    await world.clock.advance(2_000);
    await page.getByText("It has caught up and sleeps").first().waitFor();
  });

  it("is not offered to kill what runs elsewhere", async () => {
    const { page } = await open(await pageWorld());
    await go(page, views.engines, "Engines");
    await page.getByText("Leaders of the signals and the shards").waitFor();
    expect(await page.getByRole("button", { name: "Kill" }).count()).toBe(0);
  });
});

describe("a session of the console", () => {
  it("is that of the first who opens the URL; a stolen token, a missing one and another browser get nothing", async () => {
    const made = await pageWorld();
    const { page, console: served } = await open(made);
    const other = await bench.browser.newContext();
    try {
      const stranger = await other.newPage();
      await stranger.goto(served.url);
      expect(await stranger.textContent("main")).toContain("This URL was used before");
      for (const url of [new URL(served.url).origin, page.url()]) {
        expect((await stranger.goto(url))?.status(), url).toBe(403);
        expect(await stranger.textContent("main")).toContain("Open the URL that the console printed");
      }
      expect(await other.cookies()).toEqual([]);
    } finally {
      await other.close();
    }
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  });

  it("begins from a link in a page elsewhere too, as that of a terminal in a browser", async () => {
    const { page } = await open(await pageWorld());
    const { url, close } = await startConsole({ ...optionsOf(await pageWorld()), pageFolder: bench.pageFolder });
    await page.route("http://elsewhere.example/", (route) =>
      route.fulfill({ contentType: "text/html", body: `<a href="${url}">console</a>` }),
    );
    await page.goto("http://elsewhere.example/");
    await page.getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await page.goto("about:blank");
    await close();
  });

  it("is no other server's of this machine, and none of a page elsewhere may use it", async () => {
    const { page, console: served } = await open(await pageWorld());
    const another = await open(await pageWorld());
    const seen: string[] = [];
    page.on("request", async (request) => void seen.push((await request.headerValue("cookie")) ?? "none"));
    await page.goto(new URL(another.console.url).origin);
    expect(seen).not.toEqual([]);
    expect(new Set(seen)).toEqual(new Set(["none"]));
    // From the origin of that page, which is same-site by name.
    const { origin } = new URL(served.url);
    const path = (await page.context().cookies())[0]?.path ?? "";
    const status = await page.evaluate(
      (url) =>
        fetch(url, { credentials: "include" }).then(
          ({ status }) => status,
          () => "refused",
        ),
      `${origin}${path}api/tasks`,
    );
    expect(status).toBe("refused");
  });
});

describe("hostile text", () => {
  it("in every field is text: nothing of it runs, is fetched, hides, turns round or widens the page", async () => {
    const made = await pageWorld();
    const { world, desk } = made;
    const { control, clock } = world.ports;
    const hostile = [
      '<img src="https://evil.example/x" onerror="globalThis.hacked=1">',
      "</script><script>globalThis.hacked=1</script>",
      "\u202egnp.exe\u2066\u200b\u0000\u001b[31m\u0007\r\n",
      "x".repeat(10_000),
      "javascript:globalThis.hacked=1",
      "{{constructor.constructor('globalThis.hacked=1')()}}",
    ].join(" ");
    const now = clock.now();
    const error = { message: hostile, at: now, afterEvent: "e" as never };
    const intervention = { action: hostile, reason: hostile, by: hostile, at: now };
    const record = sleeping(hostile, now, {
      kind: "<b>kind",
      activity: "<i>activity",
      status: "parked",
      attempts: 3,
      tail: hostile as never,
      error: { ...error, afterEvent: hostile as never },
      intervention,
      view: JSON.stringify({ [hostile]: hostile }),
      waiters: [hostile],
    });
    world.seed(record);
    await control.write("actions", { entries: [{ ...intervention, target: taskName(record) }] }, "any");
    await control.write(
      "breaker#printers",
      { state: "open", until: now, openMs: 1, trips: 1, reason: hostile, paused: { at: now, reason: hostile } },
      "any",
    );
    await control.write("holder#signals", { epoch: 1, owner: hostile, aliveUntil: now }, "any");
    await control.write("last-tick", { at: now, report: { [hostile]: 1 } }, "any");
    for (const width of [1280, 360]) {
      const { page, wrong } = await open(made, { viewport: { width, height: 800 } });
      for (const [name, hash] of [
        ...Object.entries(views),
        ["hostile", `#/task/${encodeURIComponent(taskName(record))}`],
      ] as const) {
        await go(page, hash);
        if (name === "hostile") {
          await page.getByText("Full record").click();
          expect(await page.locator("main").textContent()).toContain('<img src="https://evil.example/x" onerror=');
        }
        expect(await page.evaluate(overflow), `${name} ${width}`).toBe(0);
        const shown = await page.locator("body").textContent();
        expect(shown, name).not.toMatch(/(?!\n|\t)[\p{Cc}\p{Cf}]/u);
        expect(
          await page.evaluate(
            "[globalThis.hacked, document.querySelectorAll('img, main script, main b, main i').length]",
          ),
        ).toEqual([undefined, 0]);
        expect(await page.evaluate(audit), name).toEqual([]);
      }
      await go(page, "#/actions", "Operators' actions");
      expect(await page.locator("main").textContent()).toContain("</script><script>");
      expect(await page.locator("main").textContent()).toContain("kind/<i>activity@<img");
      expect(wrong).toEqual([]);
    }
    expect(await desk.actions()).toHaveLength(1);
  });
});

describe("a table of 10,000 tasks", () => {
  it("is listed in pages, filtered and sorted without a reload", async () => {
    const made = await pageWorld();
    const { world } = made;
    const now = world.clock.now();
    for (let i = 0; i < 10_000; i++) {
      world.seed(sleeping(`t-${String(i).padStart(5, "0")}`, now, { due: now + 3_600_000 + i }));
    }
    const { page, wrong } = await open(made);
    await go(page, "#/tasks?activity=reader&sort=name&entity=t-", "Tasks");
    await page.getByText("1 to 100 of 10,000").waitFor();
    expect(await page.getByRole("row").count()).toBe(101);
    await page.mouse.wheel(0, 100_000);
    await page.waitForFunction(() => scrollY > 1_000);
    await page.getByRole("button", { name: "Next 100" }).click();
    await page.getByText("101 to 200 of 10,000").waitFor();
    await page.getByRole("link", { name: "t-00100" }).waitFor();
    await page.getByLabel("Entity begins with").fill("t-0999");
    await page.getByText("1 to 10 of 10", { exact: true }).waitFor();
    await page.getByLabel("Status").selectOption("parked");
    await page.getByText("No task matches.").waitFor();
    expect(page.url()).toContain("entity=t-0999");
    expect(wrong).toEqual([]);
  });
});
