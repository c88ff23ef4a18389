import { library } from "../tsup.base.js";

export default library(["src/main.ts", "src/plugin.ts", "src/verdict-worker.ts", "src/kernel-records.ts"]);
