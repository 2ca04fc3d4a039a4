/**
 * The version of what this code writes into the table and into messages, and the only one that it reads. The first is not
 * written; every later one is, as `v`, and code of an earlier version leaves alone what has it. Raise it only for what
 * earlier code would misunderstand: an attribute that is new, and may be missing, needs no new version.
 */
const recordVersion = 1;

/** Where a later version says which it is. */
export const versionAttribute = "v";

/** What an error says it expected of `v`. */
export const expectedVersion = `record version ${recordVersion}`;
