/** Milliseconds without renewal after which readers take a host for gone: the hosts' own 10 s and a margin for clocks. */
export const readersStaleMs = 15_000
