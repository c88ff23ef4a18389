import { library } from "../../tsup.base.js";

// Two files, each with all it needs: what only the command line does costs the library's users nothing.
export default [library(["src/index.ts"], { bundled: true }), library(["src/cli.ts"], { bundled: true })];
