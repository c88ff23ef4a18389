import { Kernel, KernelError, probeKernel } from "../../src/index.js";

const availability = await probeKernel();

/** Whether this machine loads programs, and what to write into a test's title when it doesn't. */
export const { available } = availability;
export const skipped = availability.available ? "" : ` (skipped: ${availability.message})`;

/** A test's body with a kernel of its own. */
export const withKernel = (work: (kernel: Kernel) => void) => async (): Promise<void> => {
  using kernel = await Kernel.open();
  work(kernel);
};

/** The `KernelError` that `work` ends with. */
export const errorOf = (work: () => unknown): KernelError | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
};
