/** Characters of a name that the kernel keeps. */
const KERNEL_NAME = 15;
/** The shortest room that names of data sections are given. */
const SECTION_ROOM = 7;

/**
 * What loaders call the map of a data section in the kernel: the object's name and the section's, as far as both fit.
 * Sections of one's own (`.data.mine`) keep their name.
 */
export const dataMapName = (object: string, section: string): string => {
  const room = Math.min(KERNEL_NAME, Math.max(SECTION_ROOM, section.length));
  const isCustom = section.indexOf(".", 1) >= 0;
  const prefix = isCustom ? "" : object.slice(0, KERNEL_NAME - room);
  return `${prefix}${section.slice(0, room)}`.replace(/[^A-Za-z0-9_.]/g, "_");
};

/** What an object is called: its file's name up to the first dot. */
export const objectName = (path: string): string =>
  (path.split("/").at(-1) ?? "").replace(/\..*$/, "").slice(0, KERNEL_NAME);
