import { type HelperPrototype, linux, type Platform } from "@ebpf/platform";
import { type HelperTable, helper, Runtime } from "@ebpf/runtime";

/** Helper 5 of the conformance suite, which returns its first argument. */
const UNWIND: HelperPrototype = {
  id: 5,
  name: "unwind",
  arguments: [{ kind: "anything" }],
  returns: { kind: "scalar" },
  returnClass: "full64",
};

/** The platform that the conformance cases are written for: one helper, and nothing of Linux but its limits. */
const platform: Platform = {
  name: "bpf-conformance",
  programTypes: {},
  helpers: new Map([[UNWIND.id, UNWIND]]),
  mapTypes: {},
  limits: linux.limits,
  cpus: 1,
};

const helpers: HelperTable = {
  unwind: helper(
    ["long"],
    ({ runtime }) =>
      (low, high) =>
        runtime.returnLong(low, high),
  ),
};

/** A runtime for the conformance cases. */
export const conformanceRuntime = (): Runtime => new Runtime({ platform, helpers });
