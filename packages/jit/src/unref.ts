/** In Node timers and ports keep the process alive unless they are told not to. */
export const unref = (waiting: unknown): void => {
  if (typeof waiting === "object") (waiting as { unref?: () => void }).unref?.();
};
