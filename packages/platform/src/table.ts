/** A table by name, without a prototype: what is looked up may be called `constructor`. */
export const tableOf = <T>(rows: Readonly<Record<string, T>>): Record<string, T> =>
  Object.assign(Object.create(null) as Record<string, T>, rows);
