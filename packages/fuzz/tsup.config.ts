import { library } from "../../tsup.base.js";

export default library([
  "src/index.ts",
  "src/cli.ts",
  "src/runner.ts",
  "src/runner/worker.ts",
  "src/bytes/bytes-worker.ts",
]);
