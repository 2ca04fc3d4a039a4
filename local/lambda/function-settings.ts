/** One function of the local Lambda. */
export interface FunctionSettings {
  readonly name: string;
  /** Directory of the function's code. */
  readonly taskRoot: string;
  /** `file.exportName`, the file relative to the task root and without its extension. */
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Time from sending the event until the process is killed, in milliseconds. */
  readonly timeoutMs: number;
  /** Maximum JavaScript heap in MiB; 512 when absent. */
  readonly memoryMb?: number;
  /** Maximum number of environments, and so of concurrent invocations. */
  readonly concurrency: number;
}

export const defaultMemoryMb = 512;

/**
 * Checks the limits of the Lambda Developer Guide, "Lambda quotas". Throws an Error that names the function and the
 * setting.
 */
export function checkFunctionSettings(settings: FunctionSettings): void {
  const { name, handler, timeoutMs, memoryMb = defaultMemoryMb, concurrency } = settings;
  if (!/^[a-zA-Z0-9-_]{1,64}$/.test(name)) {
    throw new Error(`A function's name must be 1-64 letters, digits, hyphens or underscores, but is '${name}'.`);
  }
  const fail = (setting: string, expected: string, actual: string | number) => {
    throw new Error(`The function ${name} needs ${setting} to be ${expected}, but it is '${actual}'.`);
  };
  if (!handler.includes(".")) fail("handler", "like 'file.exportName'", handler);
  if (!(timeoutMs > 0 && timeoutMs <= 900_000)) fail("timeoutMs", "more than 0 and at most 900000", timeoutMs);
  if (!Number.isInteger(memoryMb) || memoryMb < 32 || memoryMb > 10_240) fail("memoryMb", "32-10240", memoryMb);
  if (!Number.isInteger(concurrency) || concurrency < 1) fail("concurrency", "a positive integer", concurrency);
}
