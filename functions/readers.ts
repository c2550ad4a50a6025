/** Milliseconds without renewal after which readers take a host for gone: as long as another host needs to do so (R27). */
export const readersStaleMs = 10_000
