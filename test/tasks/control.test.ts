import { describe } from "vitest";
import { MemoryControlStore } from "../../functions/tasks/memory-control.ts";
import { testControlStore } from "./control.suite.ts";

describe("control documents in memory", () => {
  testControlStore(async () => new MemoryControlStore());
});
