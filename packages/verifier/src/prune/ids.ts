/** Old ids by new ids, one to one: whether two states say the same of which values are equal. */
export class IdMap {
  private readonly old: number[] = [];
  private readonly current: number[] = [];

  clear(): void {
    this.old.length = 0;
    this.current.length = 0;
  }

  /** Notes that `old` stands for `current`; false when one of them stands for another. 0 stands for 0 only. */
  matches(old: number, current: number): boolean {
    if (old === 0 || current === 0) return old === current;
    const at = this.old.indexOf(old);
    if (at >= 0) return this.current[at] === current;
    if (this.current.includes(current)) return false;
    this.old.push(old);
    this.current.push(current);
    return true;
  }
}
