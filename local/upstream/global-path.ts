import { posix } from "node:path";

/** As Go's path.Clean: "." for "", no trailing slash. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** True for `above` itself and paths below it; both without a trailing slash. */
export function isEqualOrBelow(path: string, above: string): boolean {
  return path === above || path.startsWith(`${above}/`);
}
