/**
 * A preload, `node --import ./simulator/trust.ts`, that makes a process talk to a simulated WhatsApp instead of the
 * real one. Product code has no such switch. A process that was to be kept away from the real service and cannot be
 * must not start, so anything amiss throws.
 */
import { readTrustSettings, trust } from './trust-settings.ts'

trust(readTrustSettings(process.env))
