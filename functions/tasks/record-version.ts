/**
 * The version of the records and messages that this code writes, and the only version that it reads. Version 1 is not
 * written; every later one is, as `v`, and earlier code does not change an item that has it. Raise the version only for
 * a change that earlier code would misunderstand. A new attribute that may be missing needs no new version.
 */
const recordVersion = 1;

/** The attribute in which a later version writes its number. */
export const versionAttribute = "v";

/** The version that an error says it expected. */
export const expectedVersion = `record version ${recordVersion}`;
