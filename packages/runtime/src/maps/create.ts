import type { MapSpec } from "@ebpf/platform";
import { RuntimeError } from "../errors.js";
import type { Runtime } from "../runtime.js";
import type { RuntimeMap } from "./runtime-map.js";

export const createMap = (spec: MapSpec, _runtime: Runtime): RuntimeMap => {
  throw new RuntimeError("UNSUPPORTED_MAP", spec.name);
};
