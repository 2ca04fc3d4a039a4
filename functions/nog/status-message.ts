/** nog stores the message of a failed step in an event. Its own daemons cut it to this many bytes of UTF-8. */
const maxBytes = 120;

/** Cuts `text` to the length of a status message, in whole characters. */
export function statusMessage(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}
