/** A function that generated code may call, as the text that defines it. */
export interface Helper {
  readonly name: string;
  readonly text: string;
}

/** Functions for what `DataView` lacks. A module gets those that it calls. */
export const HELPERS: readonly Helper[] = [
  {
    name: "readBits",
    text: `/** Bits from \`bit\` on as an unsigned number; compilers count bits along the byte order. */
const readBits = (view: DataView, bit: number, size: number): bigint => {
  let value = 0n;
  for (let i = 0; i < size; i++) {
    const at = LITTLE ? bit + size - 1 - i : bit + i;
    const shift = LITTLE ? at % 8 : 7 - (at % 8);
    value = (value << 1n) | BigInt((view.getUint8(Math.floor(at / 8)) >> shift) & 1);
  }
  return value;
};
`,
  },
  {
    name: "writeBits",
    text: `/** Writes the low bits of a number from \`bit\` on; the bits around them stay. */
const writeBits = (view: DataView, bit: number, size: number, value: number | bigint | boolean): void => {
  let rest = BigInt(value);
  for (let i = 0; i < size; i++) {
    const at = LITTLE ? bit + i : bit + size - 1 - i;
    const mask = 1 << (LITTLE ? at % 8 : 7 - (at % 8));
    const byte = view.getUint8(Math.floor(at / 8));
    view.setUint8(Math.floor(at / 8), rest & 1n ? byte | mask : byte & ~mask);
    rest >>= 1n;
  }
};
`,
  },
  {
    name: "readText",
    text: `/** Text up to its first zero. */
const readText = (view: DataView, offset: number, length: number): string => {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};
`,
  },
  {
    name: "writeText",
    text: `/** Writes a text and zeros behind it. */
const writeText = (view: DataView, offset: number, length: number, text: string): void => {
  const encoded = new TextEncoder().encode(text);
  if (encoded.length > length) throw new RangeError(\`\${encoded.length} bytes of text; \${length} fit\`);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length);
  bytes.fill(0);
  bytes.set(encoded);
};
`,
  },
  {
    name: "readList",
    text: `/** As many elements, each read by its index. */
const readList = <T>(length: number, read: (index: number) => T): T[] => Array.from({ length }, (_, i) => read(i));
`,
  },
  {
    name: "writeList",
    text: `/** Writes each element of a list, which has to have so many. */
const writeList = <T>(list: readonly T[], length: number, write: (element: T, index: number) => void): void => {
  if (list.length !== length) throw new RangeError(\`\${list.length} elements where \${length} are needed\`);
  list.forEach(write);
};
`,
  },
];
