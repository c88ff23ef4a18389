/** Where things stand in a little-endian ELF file: what a test needs to change one of them. */
export interface Located {
  /** Bytes from the file's start to the section's header. */
  readonly header: number;
  readonly offset: number;
  readonly size: number;
}

const nameAt = (bytes: Uint8Array, at: number): string => {
  let text = "";
  for (let i = at; bytes[i] !== 0; i++) text += String.fromCharCode(bytes[i]!);
  return text;
};

export const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const locateSection = (bytes: Uint8Array, name: string): Located => {
  const data = view(bytes);
  const table = Number(data.getBigUint64(40, true));
  const at = (index: number) => table + 64 * index;
  const strings = Number(data.getBigUint64(at(data.getUint16(62, true)) + 24, true));
  for (let index = 0; index < data.getUint16(60, true); index++) {
    const header = at(index);
    if (nameAt(bytes, strings + data.getUint32(header, true)) !== name) continue;
    return {
      header,
      offset: Number(data.getBigUint64(header + 24, true)),
      size: Number(data.getBigUint64(header + 32, true)),
    };
  }
  throw new Error(`no section ${name}`);
};

/** The offset of a symbol's entry in the file. */
export const locateSymbol = (bytes: Uint8Array, name: string): number => {
  const { offset, size, header } = locateSection(bytes, ".symtab");
  const data = view(bytes);
  const table = Number(data.getBigUint64(40, true));
  const strings = Number(data.getBigUint64(table + 64 * data.getUint32(header + 40, true) + 24, true));
  for (let at = offset; at < offset + size; at += 24) {
    if (nameAt(bytes, strings + data.getUint32(at, true)) === name) return at;
  }
  throw new Error(`no symbol ${name}`);
};
