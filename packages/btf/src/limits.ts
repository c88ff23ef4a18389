/** How many modifiers, or levels of nested types, are followed. The kernel has the same limit. */
export const MAX_DEPTH = 32;
