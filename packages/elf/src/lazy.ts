/** Computes a value when it is first asked for. An error is thrown each time, and computed anew. */
export const lazy = <T>(compute: () => T): (() => T) => {
  let known: { readonly value: T } | undefined;
  return () => {
    known ??= { value: compute() };
    return known.value;
  };
};
