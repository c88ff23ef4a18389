/** Values of options that several commands share. */
export const DIALECT_NAMES = ["kernel", "gas", "ubpf"] as const;
export const CPU_VERSIONS = ["v1", "v2", "v3", "v4"] as const;
export const BYTE_ORDERS = ["little", "big"] as const;
