/** Opens an object as libbpf does, and closes it again; microseconds. */
export type OpenWithLibbpf = (object: Uint8Array) => number;

/** libbpf's version, and how long it takes; `undefined` where it isn't installed. */
export interface Libbpf {
  readonly version: string;
  readonly open: OpenWithLibbpf;
}

/**
 * Finds libbpf.
 *
 * @param library its file; the system's by default
 */
export const findLibbpf = async (library = "libbpf.so.1"): Promise<Libbpf | undefined> => {
  const koffi = await import("koffi").then(
    (module) => module.default,
    () => undefined,
  );
  if (koffi === undefined) return undefined;
  try {
    const loaded = koffi.load(library);
    const version = loaded.func("libbpf_version_string", "const char *", []);
    const open = loaded.func("bpf_object__open_mem", "void *", ["const uint8_t *", "size_t", "void *"]);
    const close = loaded.func("bpf_object__close", "void", ["void *"]);
    loaded.func("libbpf_set_print", "void *", ["void *"])(null);
    return {
      version: version() as string,
      open: (object) => {
        const begin = performance.now();
        const handle = open(object, object.length, null) as unknown;
        const end = performance.now();
        if (handle === null) return Number.NaN;
        close(handle);
        return 1000 * (end - begin);
      },
    };
  } catch {
    return undefined;
  }
};
