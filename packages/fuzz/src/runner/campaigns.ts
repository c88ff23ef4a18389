import { loadBinaryen } from "@ebpf/jit";
import type { ContextField, HelperPrototype } from "@ebpf/platform";
import fc from "fast-check";
import { encounters } from "../arbitrary/encounter.js";
import { mutations } from "../arbitrary/mutation.js";
import { programs } from "../arbitrary/program.js";
import { wellFormedPrograms } from "../arbitrary/well-formed.js";
import type { FuzzCase } from "../fuzz-case.js";
import { containment } from "../oracle/containment.js";
import { engines, enginesOracle } from "../oracle/engines.js";
import { logOracle } from "../oracle/log.js";
import type { Oracle } from "../oracle/outcome.js";
import { RUN_BY_KERNEL, resultOracle } from "../oracle/result.js";
import { verdictOracle } from "../oracle/verdict.js";

/** What is fuzzed: cases of a kind, and the oracle that judges them. */
export interface Campaign {
  readonly cases: fc.Arbitrary<FuzzCase>;
  /** Makes the oracle ready; throws a typed error when the machine lacks what it needs. */
  readonly open: () => Promise<Oracle>;
}

/** The real kernel stays open until the thread ends, which closes everything. */
const openKernel = async () => {
  const { Kernel } = await import("@ebpf/kernel");
  return Kernel.open();
};

/** Helpers whose effects don't depend on time, CPU, process or what else the machine does. */
const PREDICTABLE_HELPERS: ReadonlySet<string> = new Set([
  "bpf_map_lookup_elem",
  "bpf_map_update_elem",
  "bpf_map_delete_elem",
  "bpf_map_push_elem",
  "bpf_map_pop_elem",
  "bpf_map_peek_elem",
  "bpf_skb_load_bytes",
  "bpf_skb_store_bytes",
  "bpf_xdp_load_bytes",
  "bpf_xdp_store_bytes",
  "bpf_xdp_adjust_head",
  "bpf_xdp_adjust_tail",
  "bpf_xdp_adjust_meta",
  "bpf_xdp_get_buff_len",
  "bpf_csum_diff",
  "bpf_l3_csum_replace",
  "bpf_l4_csum_replace",
  "bpf_for_each_map_elem",
]);

const isPredictable = ({ name }: HelperPrototype): boolean => PREDICTABLE_HELPERS.has(name);

/** Fields that a test run sets as our runtime does. */
const PREDICTABLE_FIELDS: ReadonlySet<string> = new Set([
  "len",
  "mark",
  "priority",
  "cb",
  "protocol",
  "data",
  "data_end",
]);

const hasPredictableValue = ({ name }: ContextField): boolean => PREDICTABLE_FIELDS.has(name) || name === "args";

/** Cases of an arbitrary, and mutated seeds where there are any. */
const withMutants = (cases: fc.Arbitrary<FuzzCase>, seeds: readonly FuzzCase[]): fc.Arbitrary<FuzzCase> =>
  seeds.length === 0 ? cases : fc.oneof({ weight: 2, arbitrary: cases }, { weight: 1, arbitrary: mutations(seeds) });

/** The campaigns by the name of their oracle; seeds are cases to mutate. */
export const CAMPAIGNS: Readonly<Record<string, (seeds: readonly FuzzCase[]) => Campaign>> = {
  engines: (seeds) => ({
    cases: withMutants(
      fc.oneof({ weight: 3, arbitrary: programs() }, { weight: 1, arbitrary: wellFormedPrograms() }),
      seeds,
    ),
    open: async () => engines,
  }),
  binaryen: (seeds) => ({
    cases: withMutants(programs(), seeds),
    open: async () => enginesOracle({ backend: await loadBinaryen() }),
  }),
  containment: (seeds) => ({
    cases: withMutants(programs({ tame: true }), seeds),
    open: async () => containment,
  }),
  verdict: (seeds) => ({
    cases: withMutants(
      fc.oneof({ weight: 9, arbitrary: programs() }, { weight: 1, arbitrary: wellFormedPrograms() }),
      seeds,
    ),
    open: async () => verdictOracle(await openKernel()),
  }),
  log: (seeds) => ({
    cases: withMutants(fc.oneof({ weight: 2, arbitrary: encounters() }, { weight: 1, arbitrary: programs() }), seeds),
    open: async () => logOracle(await openKernel()),
  }),
  result: () => ({
    cases: programs({ types: RUN_BY_KERNEL, helpers: isPredictable, fields: hasPredictableValue, tame: true }),
    open: async () => resultOracle(await openKernel()),
  }),
};
