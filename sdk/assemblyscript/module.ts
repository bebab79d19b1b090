import * as raw from "./raw";

/** What tells the node which contract this module is written for. Export it from the function's file. */
export function wedge_abi_v1(): void {}

/**
 * What the node calls after it has put the memory back to what it was after initialisation: Math.random begins anew. Export it
 * from the function's file; who has more to put right exports a function of that name that calls reseed.
 */
export function wedge_restored(): void {
  reseed();
}

/** Seeds Math.random with a number that is another one in each exchange. */
export function reseed(): void {
  NativeMath.seedRandom(raw.seed());
}

/** The seed of Math.random in a module that was not restored. The compiler calls it with --use seed=~lib/wedge/module/seed. */
export function seed(): f64 {
  return <f64>raw.seed();
}
