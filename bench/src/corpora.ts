import { fileURLToPath } from "node:url";

/** Where the corpora are unless `EBPF_CORPORA` says otherwise: beside the project. */
export const CORPORA = process.env.EBPF_CORPORA ?? fileURLToPath(new URL("../../../shared/corpora", import.meta.url));
