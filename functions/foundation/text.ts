/**
 * True for a text that UTF-8 can encode. In the table and on the wire, half of a surrogate pair becomes another
 * character: two tasks would share a record, and a server would not know a tail.
 */
export const isUtf8 = (text: string): boolean => text.isWellFormed();
