export { settle, TestClock } from "../../functions/testing/test-clock.ts";
