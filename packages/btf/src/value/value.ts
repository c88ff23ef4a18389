/**
 * A value of a BTF type in JavaScript: integers, enumerations and floats up to 32 bits (and `double`) as number, wider
 * ones and pointers as bigint, `bool` as boolean, `char[N]` as text up to its first zero, other arrays as arrays,
 * structures, unions and data sections as objects by member name. Typedefs and qualifiers don't show.
 */
export type BtfValue = number | bigint | boolean | string | readonly BtfValue[] | BtfObject;

/** Members by name; those of anonymous structures and unions are among them. */
export interface BtfObject {
  readonly [member: string]: BtfValue;
}
