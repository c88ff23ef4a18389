import { library } from "../../tsup.base.js";

export default library(["src/index.ts", "src/cli.ts", "src/runner.ts", "src/worker.ts", "src/bytes/bytes-worker.ts"]);
