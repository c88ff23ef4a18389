/** Gives each name once, later ones with `___2`, `___3` … behind: flavours, which CO-RE ignores. */
export class UniqueNames {
  readonly #used = new Map<string, number>();

  take(name: string): string {
    const count = (this.#used.get(name) ?? 0) + 1;
    this.#used.set(name, count);
    if (count === 1) return name;
    const unique = `${name}___${count}`;
    return this.#used.has(unique) ? this.take(name) : this.take(unique);
  }
}
