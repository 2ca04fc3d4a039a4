import { detailTypes, encodeDetail, isSignal, type WakeMessage, wakeSource } from "../wake/wake.ts";

/** One of our own messages as the queue delivers it. */
export function busEventOf(message: WakeMessage): object {
  const detailType = isSignal(message) ? detailTypes.signal : detailTypes.wake;
  return { source: wakeSource, "detail-type": detailType, detail: JSON.parse(encodeDetail(message)) };
}
