import { afterAll, beforeAll, expect } from "vitest";

/**
 * A test file must end everything it starts: servers, sockets, child processes, timers, streams. The file fails if Node
 * still has a resource open after the last test that it did not have before the first.
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
  // A closed socket stays open until the other side has noticed.
  for (let i = 0; i < 100 && count(open()) > count(before); i++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const left = open();
  expect(
    left.length > before.length ? `left running: ${left.join(", ")} (before the tests: ${before.join(", ")})` : "",
  ).toBe("");
});

const count = (names: readonly string[]) => names.length;
