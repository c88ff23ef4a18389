import { library } from "../tsup.base.js";

export default library(["src/main.ts", "src/compile/cold.ts", "src/first-use.ts"]);
