import { describe } from "vitest";
import { MemoryTaskStore } from "../../functions/tasks/memory.ts";
import { testTaskStore } from "./store.suite.ts";

describe("the task table in memory", () => {
  testTaskStore(async () => new MemoryTaskStore());
});
