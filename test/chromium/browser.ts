import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { type Console, type ConsoleOptions, startConsole } from "../../console/server.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

/** A browser and the built page. */
export interface Bench {
  readonly browser: Browser;
  readonly pageFolder: string;
  close(): Promise<void>;
}

export async function startBench(): Promise<Bench> {
  const pageFolder = mkdtempSync(join(tmpdir(), "tailwake-page-"));
  execFileSync(process.execPath, ["scripts/console-page.mjs", pageFolder], { cwd: project });
  // The sandbox does not work for root, and a container has little shared memory.
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  const executablePath = process.env.TAILWAKE_CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args });
  return {
    browser,
    pageFolder,
    async close() {
      await browser.close();
      rmSync(pageFolder, { recursive: true });
    },
  };
}

/** A page with its own console, and all its errors. */
export interface Opened {
  readonly page: Page;
  readonly console: Console;
  /** Errors and warnings in the browser's console, errors of the page, and requests to anything but the console. */
  readonly wrong: string[];
  close(): Promise<void>;
}

export async function openConsole(
  { browser, pageFolder }: Bench,
  options: Omit<ConsoleOptions, "pageFolder">,
  context: BrowserContextOptions = {},
): Promise<Opened> {
  const served = await startConsole({ ...options, pageFolder });
  const opened = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...context });
  const page = await opened.newPage();
  const wrong: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") wrong.push(message.text());
  });
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(new URL(served.url).origin) && !url.startsWith("data:")) wrong.push(`request to ${url}`);
  });
  await page.goto(served.url);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return {
    page,
    console: served,
    wrong,
    async close() {
      await opened.close();
      await served.close();
    },
  };
}
