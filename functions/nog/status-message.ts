/** nog keeps what a step failed with in an event; its own daemons cut it to this many bytes of UTF-8. */
const maxBytes = 120;

/** The longest beginning of `text` that fits into a status message, in whole characters. */
export function statusMessage(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}
