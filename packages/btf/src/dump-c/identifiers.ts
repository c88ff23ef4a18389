/** Words that C (with GNU extensions) keeps for itself. */
const KEYWORDS: ReadonlySet<string> = new Set(
  [
    "auto break case char const continue default do double else enum extern float for goto if inline int long register",
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm typeof",
    "_Alignas _Alignof _Atomic _Bool _Complex _Generic _Imaginary _Noreturn _Static_assert _Thread_local __int128",
    "__attribute__ __auto_type __builtin_va_list",
  ].flatMap((line) => line.split(" ")),
);

/** A name as C can write it: other languages' names hold other characters. */
export const identifier = (name: string): string => {
  if (/^[A-Za-z_]\w*$/.test(name)) return KEYWORDS.has(name) ? `${name}_` : name;
  const plain = name.replace(/\W/g, "_");
  return /^(\d|$)/.test(plain) ? `_${plain}` : plain;
};

const NUMBER_WORDS = new Set("signed unsigned char short int long float double _Bool __int128".split(" "));

/** True for the name of a number that C knows without a declaration, such as `long unsigned int`. */
export const isBuiltIn = (name: string): boolean => name.split(" ").every((word) => NUMBER_WORDS.has(word));

/** A text as a C string. */
export const cString = (text: string): string => {
  const escaped = [...new TextEncoder().encode(text)].map((byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `"${escaped.join("")}"`;
};
