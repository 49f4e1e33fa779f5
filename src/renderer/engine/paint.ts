// Owns the answer to "has this frame been painted?". At once while the page is hidden, since nothing paints then.

/**
 * Resolves after the next paint: an animation frame runs before painting, the message sent from it is handled after.
 * A page that becomes hidden in between gets no animation frame, so hiding resolves too.
 */
export function afterPaint(): Promise<void> {
  if (document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    const finish = (): void => {
      document.removeEventListener("visibilitychange", onVisibility);
      channel.port1.close();
      resolve();
    };
    const onVisibility = (): void => {
      if (document.hidden) finish();
    };
    channel.port1.onmessage = finish;
    document.addEventListener("visibilitychange", onVisibility);
    requestAnimationFrame(() => channel.port2.postMessage(0));
  });
}
