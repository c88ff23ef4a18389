import { parentPort } from "node:worker_threads";
import { type Btf, decodeBtf } from "@ebpf/btf";
import { isEbpfError } from "@ebpf/core";
import { readObject } from "@ebpf/elf";
import { Kernel } from "@ebpf/kernel";
import { type ObjectSpec, PROGRAM_TYPES, type ProgramSpec } from "@ebpf/platform";
import { describeCrash, type Judgement, judge, unverified } from "./judgement.js";
import { type KernelRecord, mapsWithoutContent, programOf } from "./kernel-records.js";
import { liveVerdict } from "./live.js";
import type { KernelVerdict } from "./outcome.js";
import type { WorkerMessage } from "./pool.js";
import { withFinishedTypes } from "./record-types.js";

/** A program as it was recorded, with its types; or one of an object file. `live` asks the running kernel as well. */
export type VerdictJob = { readonly live: boolean } & (
  | { readonly kind: "record"; readonly record: KernelRecord; readonly btf?: Uint8Array | undefined }
  | {
      readonly kind: "object";
      readonly path: string;
      readonly bytes: Uint8Array;
      readonly section: string | null;
      /** Absent when the question is only whether the object opens. */
      readonly program: string | null;
      /** The type that it was loaded as, where the section's name doesn't decide that. */
      readonly programType?: number | undefined;
      /** True when the name doesn't, although it looks as if. */
      readonly typeGuessed: boolean;
    }
);

/** Both verdicts on one program; the kernel's only when it was asked. */
export interface VerdictResult {
  readonly judgement: Judgement;
  readonly live?: KernelVerdict;
}

/** What this worker keeps from job to job: neighbours often share their types or their object. */
const kept: { btf?: readonly [string, Btf]; object?: readonly [string, ObjectSpec]; kernel?: Kernel } = {};

const recordedProgram = ({ record, btf }: VerdictJob & { kind: "record" }): ProgramSpec => {
  const { btf: name } = record;
  if (name === undefined || btf === undefined) return programOf(record, new Map());
  if (kept.btf?.[0] !== name) kept.btf = [name, decodeBtf(btf, { path: name })];
  return programOf(record, new Map([kept.btf]));
};

/** The program that a job asks for, or why it can't be had. */
const objectProgram = (job: VerdictJob & { kind: "object" }): ProgramSpec | Judgement => {
  const { path, bytes, section, program, programType, typeGuessed } = job;
  try {
    if (kept.object?.[0] !== path) kept.object = [path, readObject(bytes, { path })];
  } catch (error) {
    if (isEbpfError(error)) return unverified("unreadable", error.message, error.code);
    throw error;
  }
  const { programs } = kept.object[1];
  if (program === null) return openedWith(programs);
  const found = programs.find((entry) => entry.name === program && entry.section === section);
  if (found === undefined) {
    return unverified("unreadable", `${path} has no program ${program} in ${section}`, "NO_PROGRAM");
  }
  if ("error" in found) return unverified("unreadable", found.error.message, found.error.code);
  const { attachType: _, ...spec } = found.spec;
  if (programType === undefined || (spec.type !== "unspec" && !typeGuessed)) return found.spec;
  return { ...spec, type: PROGRAM_TYPES[programType] ?? "unspec" };
};

/** The judgement on an object as a whole: a loader gives up when one of its programs can't be had. */
const openedWith = (programs: ObjectSpec["programs"]): Judgement => {
  const error = programs.flatMap((entry) => ("error" in entry ? [entry.error] : []))[0];
  return error === undefined ? unverified("accept", "it opens") : unverified("unreadable", error.message, error.code);
};

const askKernel = (kernel: Kernel, job: VerdictJob, spec: ProgramSpec): KernelVerdict =>
  job.kind === "record"
    ? liveVerdict(kernel, withFinishedTypes(spec), mapsWithoutContent(job.record))
    : liveVerdict(kernel, spec);

const answer = async (job: VerdictJob, started: () => void): Promise<VerdictResult> => {
  const spec = job.kind === "record" ? recordedProgram(job) : objectProgram(job);
  if ("ours" in spec) return { judgement: spec };
  if (job.live) kept.kernel ??= await Kernel.open();
  const live = job.live && kept.kernel ? askKernel(kept.kernel, job, spec) : undefined;
  started();
  return { judgement: judge(spec), ...(live && { live }) };
};

parentPort?.on("message", (job: VerdictJob) => {
  const post = (message: WorkerMessage<VerdictResult>): void => parentPort?.postMessage(message);
  answer(job, () => post({ started: true })).then(
    (result) => post({ result }),
    (error: unknown) => post({ result: { judgement: unverified("crashed", describeCrash(error)) } }),
  );
});
