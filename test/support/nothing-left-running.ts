import { afterAll, beforeAll, expect } from "vitest";

/**
 * A test file must end what it starts: servers, sockets, child processes, timers, streams. What Node still keeps open
 * after the last test, and did not before the first, fails the file.
 */
const ownedByTests = /^(TCPServerWrap|TCPSocketWrap|TTYWrap_|ProcessWrap|Timeout|HTTP2|FSReqPromise|PipeConnectWrap)/;

function open(): string[] {
  return process.getActiveResourcesInfo().filter((name) => ownedByTests.test(name));
}

let before: readonly string[] = [];

beforeAll(() => {
  before = open();
});

afterAll(async () => {
  // Sockets that were closed are still open until the other side has heard of it.
  for (let i = 0; i < 100 && count(open()) > count(before); i++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const left = open();
  expect(
    left.length > before.length ? `left running: ${left.join(", ")} (before the tests: ${before.join(", ")})` : "",
  ).toBe("");
});

const count = (names: readonly string[]) => names.length;
