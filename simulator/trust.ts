/**
 * A preload, `node --import ./simulator/trust.ts`, that makes a process talk to a simulated WhatsApp instead of the
 * real one. Product code has no such switch. A missing or malformed setting throws, and the process does not start:
 * otherwise it would talk to the real service.
 */
import { readTrustSettings, trust } from './trust-settings.ts'

trust(readTrustSettings(process.env))
