/*
 * `union bpf_attr` of include/uapi/linux/bpf.h: what bpf(2) takes, for each command that this package uses. A field is its
 * byte offset and size; pointers are 8 bytes. Only fields that are used stand here.
 */

type Field = readonly [offset: number, size: 4 | 8 | 16];

interface CommandLayout {
  /** The system call's first argument. */
  readonly command: number;
  readonly fields: Readonly<Record<string, Field>>;
}

const ELEMENT = { mapFd: [0, 4], key: [8, 8], value: [16, 8], flags: [24, 8] } as const;

/** The commands, with the fields of their part of the union. */
export const COMMANDS = {
  mapCreate: {
    command: 0,
    fields: {
      mapType: [0, 4],
      keySize: [4, 4],
      valueSize: [8, 4],
      maxEntries: [12, 4],
      mapFlags: [16, 4],
      innerMapFd: [20, 4],
      numaNode: [24, 4],
      mapName: [28, 16],
      btfFd: [48, 4],
      btfKeyTypeId: [52, 4],
      btfValueTypeId: [56, 4],
      btfVmlinuxValueTypeId: [60, 4],
      mapExtra: [64, 8],
    },
  },
  mapLookup: { command: 1, fields: ELEMENT },
  mapUpdate: { command: 2, fields: ELEMENT },
  mapDelete: { command: 3, fields: ELEMENT },
  mapNextKey: { command: 4, fields: ELEMENT },
  programLoad: {
    command: 5,
    fields: {
      programType: [0, 4],
      instructionCount: [4, 4],
      instructions: [8, 8],
      license: [16, 8],
      logLevel: [24, 4],
      logSize: [28, 4],
      logBuffer: [32, 8],
      programFlags: [44, 4],
      programName: [48, 16],
      expectedAttachType: [68, 4],
      programBtfFd: [72, 4],
      functionRecordSize: [76, 4],
      functions: [80, 8],
      functionCount: [88, 4],
      lineRecordSize: [92, 4],
      lines: [96, 8],
      lineCount: [104, 4],
      attachBtfId: [108, 4],
      attachProgramFd: [112, 4],
      logTrueSize: [140, 4],
    },
  },
  programTestRun: {
    command: 10,
    fields: {
      programFd: [0, 4],
      returnValue: [4, 4],
      dataSizeIn: [8, 4],
      dataSizeOut: [12, 4],
      dataIn: [16, 8],
      dataOut: [24, 8],
      repeat: [32, 4],
      duration: [36, 4],
      contextSizeIn: [40, 4],
      contextSizeOut: [44, 4],
      contextIn: [48, 8],
      contextOut: [56, 8],
      flags: [64, 4],
    },
  },
  btfLoad: {
    command: 18,
    fields: {
      btf: [0, 8],
      logBuffer: [8, 8],
      btfSize: [16, 4],
      logSize: [20, 4],
      logLevel: [24, 4],
      logTrueSize: [28, 4],
    },
  },
  mapFreeze: { command: 22, fields: { mapFd: [0, 4] } },
} as const satisfies Record<string, CommandLayout>;

export type CommandName = keyof typeof COMMANDS;

type FieldOf<C extends CommandName> = keyof (typeof COMMANDS)[C]["fields"] & string;

/**
 * Bytes handed to the kernel. A kernel that knows fewer fields takes the rest as long as it is zero, and one that knows
 * more reads zeros.
 */
const SIZE = 152;

/** Bytes of a name, with its terminating zero. */
const NAME_SIZE = 16;

/** Arguments of one call of bpf(2). What isn't set is zero. */
export class Attributes<C extends CommandName> {
  readonly command: number;
  readonly bytes: Uint8Array = new Uint8Array(SIZE);
  /** Buffers that fields point to, by the field's offset; their addresses are written when the call is made. */
  readonly pointers: Map<number, Uint8Array> = new Map();
  readonly #fields: Readonly<Record<string, Field>>;
  readonly #view = new DataView(this.bytes.buffer);

  constructor(name: C) {
    this.command = COMMANDS[name].command;
    this.#fields = COMMANDS[name].fields;
  }

  /** Sets numbers, leaving out those that are undefined. A negative one is taken as two's complement. */
  set(values: { readonly [F in FieldOf<C>]?: number | bigint | undefined }): this {
    for (const [field, value] of Object.entries<number | bigint | undefined>(values)) {
      const [offset, size] = this.#fields[field]!;
      if (value === undefined) continue;
      if (size === 8) this.#view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
      else this.#view.setUint32(offset, Number(value), true);
    }
    return this;
  }

  /** Lets a field point to bytes, which the kernel may read and write, or to nothing. */
  point(field: FieldOf<C>, bytes: Uint8Array | undefined): this {
    const [offset] = this.#fields[field]!;
    if (bytes !== undefined) this.pointers.set(offset, bytes);
    else if (this.pointers.delete(offset)) this.#view.setBigUint64(offset, 0n, true);
    return this;
  }

  /** Writes a name: letters, digits, `_` and `.` are all that the kernel takes, and 15 of them. */
  name(field: FieldOf<C>, text: string): this {
    const allowed = text.replace(/[^\w.]/g, "_").slice(0, NAME_SIZE - 1);
    this.bytes.set(new TextEncoder().encode(allowed), this.#fields[field]![0]);
    return this;
  }

  /** A number as it stands after the call. */
  get(field: FieldOf<C>): number {
    return this.#view.getUint32(this.#fields[field]![0], true);
  }
}
