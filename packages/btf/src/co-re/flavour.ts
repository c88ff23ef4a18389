/**
 * A name without its flavour: `task_struct` for `task_struct___old`. A flavour begins at the last three underscores
 * that have something else on both sides, and tells types apart that are one type in the kernel's eyes.
 */
export const withoutFlavour = (name: string): string => {
  if (!name.includes("___")) return name;
  return /^.*[^_](?=___[^_])/s.exec(name)?.[0] ?? name;
};
