/** The first index whose element passes a test that all later ones pass too; the length when there is none. */
export const lowerBound = <T>(sorted: readonly T[], passes: (element: T) => boolean): number => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(sorted[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
};
