/**
 * Calls `act` for each item, at most `limit` at once. Calls it for no further item after a failure. Rejects with the
 * first error when the calls under way have ended.
 */
export async function forEachBounded<T>(
  items: Iterable<T>,
  limit: number,
  act: (item: T) => Promise<unknown>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    while (failure === undefined) {
      const { done, value } = rest.next();
      if (done === true) return;
      try {
        await act(value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, work));
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
}
