import type { MapSpec } from "@ebpf/platform";

export abstract class RuntimeMap {
  abstract readonly spec: MapSpec;
  abstract readonly handle: number;
  abstract readonly valuesAddress: number;
  abstract permits(address: number, size: number, write: boolean): boolean;
  abstract programAt(index: number): number;
}
