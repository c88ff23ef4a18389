/** Marsaglia's xorshift32. */
export const randomFrom = (seed) => {
  let state = seed | 0;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
};

const INTERESTING = [0, 1, 2, 3, 4, 7, 8, 16, 0x7f, 0x80, 0xff];

/** A copy with a few bytes changed, one in eight cut off somewhere. */
export const mutate = (seed, random) => {
  const bytes = seed.slice(0, random(8) === 0 ? random(seed.length + 1) : seed.length);
  for (let i = random(6); i >= 0 && bytes.length > 0; i--) {
    const at = random(bytes.length);
    const choice = random(4);
    if (choice === 0) bytes[at] = random(256);
    else if (choice === 1) bytes[at] = INTERESTING[random(INTERESTING.length)];
    else if (choice === 2) bytes[at] ^= 1 << random(8);
    else bytes.copyWithin(at, random(bytes.length), random(bytes.length));
  }
  return bytes;
};
