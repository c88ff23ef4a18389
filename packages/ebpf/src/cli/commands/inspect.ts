import type { MapSpec, ObjectProgram, ObjectSpec } from "@ebpf/platform";
import type { Arguments, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { OBJECT_OPTION_HELP, OBJECT_OPTIONS, readObjectFile } from "../object.js";
import { counted, type Output, table, toJson } from "../output.js";

const programJson = (program: ObjectProgram) => ({
  name: program.name,
  section: program.section,
  autoload: program.autoload,
  ...("error" in program
    ? { error: { code: program.error.code, message: program.error.message } }
    : {
        type: program.spec.type,
        attachType: program.spec.attachType,
        attachTarget: program.spec.attachTarget,
        instructions: program.spec.instructions.length,
        functions: program.spec.functions.map(({ name, pc }) => ({ name, pc })),
        maps: [...program.spec.maps.values()].map(({ name }) => name),
      }),
});

const typeName = (map: MapSpec, id: number | undefined): string | undefined =>
  id === undefined || id === 0 ? undefined : map.btf?.btf.typeName(id);

const mapJson = (map: MapSpec) => ({
  name: map.name,
  type: map.type,
  keySize: map.keySize,
  valueSize: map.valueSize,
  maxEntries: map.maxEntries,
  flags: map.flags,
  keyType: typeName(map, map.btf?.keyTypeId),
  valueType: typeName(map, map.btf?.valueTypeId),
  section: map.section,
  frozen: map.frozen === true,
  inner: map.inner?.name,
});

const describeProgram = (program: ObjectProgram): (string | number)[] => {
  if ("error" in program) return [program.name, program.section, program.error.code, program.error.message];
  const { spec } = program;
  const target = spec.attachTarget === undefined ? "" : ` on ${spec.attachTarget}`;
  return [program.name, program.section, `${spec.type}${target}`, counted(spec.instructions.length, "instruction")];
};

const describeMap = (map: MapSpec): (string | number)[] => [
  map.name,
  map.type,
  `${typeName(map, map.btf?.keyTypeId) ?? counted(map.keySize, "byte")} → ${typeName(map, map.btf?.valueTypeId) ?? counted(map.valueSize, "byte")}`,
  `max_entries ${map.maxEntries}${map.frozen === true ? ", frozen" : ""}`,
];

const print = (object: ObjectSpec, output: Output): void => {
  output.line(`${object.byteOrder}-endian, license ${object.license === "" ? "none" : object.license}`);
  output.line("programs");
  for (const line of table(object.programs.map(describeProgram))) output.line(line);
  output.line("maps");
  for (const line of table([...object.maps.values()].map(describeMap))) output.line(line);
};

const run = async (args: Arguments, output: Output): Promise<number> => {
  const object = readObjectFile(args);
  if (args.flag("json")) {
    const { byteOrder, license, kernelVersion } = object;
    const programs = object.programs.map(programJson);
    output.line(toJson({ byteOrder, license, kernelVersion, programs, maps: [...object.maps.values()].map(mapJson) }));
  } else {
    print(object, output);
  }
  return EXIT.ok;
};

export const inspectCommand: Command = {
  name: "inspect",
  summary: "list the programs and maps of an object file",
  help: `ebpf inspect FILE [options]

Lists the programs of an object file with their types, and its maps with the types of their keys and values.

${OBJECT_OPTION_HELP}
  --json               {"programs", "maps", …}`,
  options: OBJECT_OPTIONS,
  run,
};
