const BLOCK = 512;
const NAME_BYTES = 100;
const SIZE_AT = 124;
const SIZE_BYTES = 12;

const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

/** The files of an uncompressed tar archive, by name; directories and links are left out. Contents are views. */
export const readTar = (archive: Uint8Array): Map<string, Uint8Array> => {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const name = text(archive.subarray(at, at + NAME_BYTES));
    const size = Number.parseInt(text(archive.subarray(at + SIZE_AT, at + SIZE_AT + SIZE_BYTES)).trim(), 8) || 0;
    const start = at + BLOCK;
    if (!name.endsWith("/")) files.set(name, archive.subarray(start, start + size));
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
};
