import type { ProgramTypeName } from "@ebpf/platform";

/** What the kernel said about a program that it refused. */
export interface Refusal {
  readonly errno: number;
  /** The lines of its log that are messages. */
  readonly messages: readonly string[];
  readonly type: ProgramTypeName;
  /** Descriptors in the program whose maps couldn't be made. */
  readonly missingMaps: ReadonlySet<number>;
  /** Names of maps of constants that were neither filled nor frozen, because what they held isn't known. */
  readonly withoutContent?: readonly string[];
}

interface ConfiguredHelper {
  readonly programTypes: ReadonlySet<ProgramTypeName>;
  /** What takes the helper away from program types that otherwise have it. */
  readonly decidedBy: string;
}

/** Helpers that a kernel of one version has or hasn't, and the program types that this can be said of. */
const CONFIGURED_HELPERS: Readonly<Record<string, ConfiguredHelper>> = {
  bpf_override_return: { programTypes: new Set(["kprobe"]), decidedBy: "CONFIG_BPF_KPROBE_OVERRIDE" },
  bpf_probe_write_user: {
    programTypes: new Set([
      "kprobe",
      "tracepoint",
      "perf_event",
      "raw_tracepoint",
      "raw_tracepoint_writable",
      "tracing",
    ]),
    decidedBy: "lockdown",
  },
};

const EPERM = 1;

/**
 * Why a refusal says nothing of the program, or `undefined` when it is a verdict. docs/conformance.md has the rule in
 * words; it is kept narrow, because whatever matches is compared no further.
 */
export const environmentOf = ({
  errno,
  messages,
  type,
  missingMaps,
  withoutContent = [],
}: Refusal): string | undefined => {
  const last = messages.at(-1);
  if (last === undefined) {
    return errno === EPERM
      ? "refused before verification: a permission is missing"
      : `refused before verification: this kernel has no program type ${type}, or not so`;
  }
  const [, helper = ""] = /^program of this type cannot use helper (\w+)#\d+$/.exec(last) ?? [];
  const configured = Object.hasOwn(CONFIGURED_HELPERS, helper) ? CONFIGURED_HELPERS[helper] : undefined;
  if (configured?.programTypes.has(type)) return `${helper} is switched off by ${configured.decidedBy}`;
  if (withoutContent.length > 0 && /^R\d does not point to a readonly map/.test(last)) {
    return `what ${withoutContent.join(", ")} held isn't in the record`;
  }
  const [, fd] = /^fd (\d+) is not pointing to valid bpf_map$/.exec(last) ?? [];
  return fd !== undefined && missingMaps.has(Number(fd)) ? `its map ${fd} couldn't be made` : undefined;
};
