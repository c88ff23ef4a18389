import type { MapSpec } from "@ebpf/platform";
import { ERRNO } from "../errno.js";
import type { Runtime } from "../runtime.js";
import { HashMap } from "./hash.js";
import { badMap } from "./runtime-map.js";

const PREFIX_LENGTH_SIZE = 4;
const MAX_DATA = 256;

/**
 * `lpm_trie`: finds the entry with the longest prefix of what is looked up. A key is the length of the prefix in bits,
 * then its bytes.
 *
 * Entries lie in a hash table by prefix; a look-up tries the lengths that are in use, longest first. Bits behind the
 * prefix are cleared, so that equal prefixes are equal keys.
 */
export class LpmTrie extends HashMap {
  readonly #bits: number;
  /** How many entries there are of each prefix length. */
  readonly #lengths: Uint32Array;
  /** Where a key is cut to a prefix. */
  readonly #prefix: number;

  constructor(spec: MapSpec, runtime: Runtime) {
    const data = spec.keySize - PREFIX_LENGTH_SIZE;
    if (data < 1 || data > MAX_DATA) throw badMap(spec, `keys have 5 to 260 bytes, not ${spec.keySize}`);
    super(spec, runtime);
    this.#bits = 8 * data;
    this.#lengths = new Uint32Array(this.#bits + 1);
    this.#prefix = this.memory.allocate(spec.keySize, `map ${spec.name}`);
  }

  protected override find(key: number): number {
    const asked = this.memory.view.getUint32(key, true);
    if (asked > this.#bits) return 0;
    for (let length = asked; length >= 0; length--) {
      if (this.#lengths[length] === 0) continue;
      const value = super.find(this.#cut(key, length));
      if (value !== 0) return value;
    }
    return 0;
  }

  protected override prepare(key: number, flags: number): number {
    const length = this.memory.view.getUint32(key, true);
    if (length > this.#bits) return -ERRNO.EINVAL;
    const before = this.size;
    const value = super.prepare(this.#cut(key, length), flags);
    if (this.size > before) this.#lengths[length]!++;
    return value === -ERRNO.E2BIG ? -ERRNO.ENOSPC : value;
  }

  protected override remove(key: number): number {
    const length = this.memory.view.getUint32(key, true);
    if (length > this.#bits) return -ERRNO.EINVAL;
    const error = super.remove(this.#cut(key, length));
    if (error === 0) this.#lengths[length]!--;
    return error;
  }

  /** The key at `key` with only its first `length` bits. */
  #cut(key: number, length: number): number {
    const { bytes, view } = this.memory;
    view.setUint32(this.#prefix, length, true);
    // A loop, because `copyWithin` takes twice as long for so few bytes.
    for (let at = 0; at < this.#bits >>> 3; at++) {
      const byte = bytes[key + PREFIX_LENGTH_SIZE + at]!;
      const kept = length - 8 * at;
      bytes[this.#prefix + PREFIX_LENGTH_SIZE + at] = kept >= 8 ? byte : kept > 0 ? byte & (0xff00 >>> kept) : 0;
    }
    return this.#prefix;
  }
}
