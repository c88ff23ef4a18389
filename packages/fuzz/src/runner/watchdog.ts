/** Seconds that have passed: for everyone, and of processor time that all threads have had. */
export interface Clock {
  wall(): number;
  processor(): number;
}

export const CLOCK: Clock = {
  wall: () => performance.now() / 1000,
  processor: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
};

/**
 * How much longer than its processor time a case may last by the wall: on a busy machine threads wait. One that the
 * kernel has killed waits for ever, takes no time, and gives no sign.
 */
const PATIENCE = 12;

/**
 * Tells by a thread's heartbeat whether it still gets on: `hangs` when a case takes too much processor time, `silent` when
 * it lasts very long without.
 */
export class Watchdog {
  readonly #limit: number;
  readonly #patience: number;
  readonly #clock: Clock;
  #beats = -1;
  #processor = 0;
  #wall = 0;

  /** `seconds`: processor time that a case may take; `threads` share what is counted. */
  constructor(seconds: number, threads: number, clock: Clock = CLOCK) {
    this.#limit = seconds * threads;
    this.#patience = seconds * threads * PATIENCE;
    this.#clock = clock;
    this.restart();
  }

  /** A new thread begins. */
  restart(): void {
    this.#processor = this.#clock.processor();
    this.#wall = this.#clock.wall();
  }

  check(beats: number): "alive" | "hangs" | "silent" {
    if (beats !== this.#beats) {
      this.#beats = beats;
      this.restart();
      return "alive";
    }
    if (this.#clock.processor() - this.#processor > this.#limit) return "hangs";
    return this.#clock.wall() - this.#wall > this.#patience ? "silent" : "alive";
  }
}

/** Waits for `work`, but not longer than some milliseconds: a thread that is gone never ends. */
export const atMost = async (milliseconds: number, work: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
};
