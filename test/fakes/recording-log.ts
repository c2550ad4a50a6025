/** A log that keeps its lines, as they would be written. */
import { createLog, type Log } from '#shared/telemetry/log.ts'

type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly message: string }
export type RecordingLog = Log & { readonly lines: LogLine[] }

export function recordingLog(): RecordingLog {
  const lines: LogLine[] = []
  const log = createLog('test', { level: 'debug', clock: () => 0, write: (line) => lines.push(JSON.parse(line)) })
  return { ...log, lines }
}
