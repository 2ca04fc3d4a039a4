import { afterAll, beforeAll, expect, vi } from "vitest";

/**
 * Test files share a process, and must leave it as they found it: what was stubbed or spied on is put back here, what a
 * file sets itself it sets back itself, or the file fails.
 */
const shared = () => ({ environment: { ...process.env }, directory: process.cwd() });

let before: ReturnType<typeof shared>;

beforeAll(() => {
  before = shared();
});

afterAll(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  expect(shared()).toEqual(before);
});
