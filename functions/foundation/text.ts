/**
 * Is a text what UTF-8 can hold? Half of a character becomes another one on its way into the table and onto the wire: two
 * tasks would share a record, and a server would not know a tail.
 */
export const isUtf8 = (text: string): boolean => text.isWellFormed();
