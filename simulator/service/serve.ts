import type { Connection } from '../wire/connection.ts'
import { conditionFor } from './conditions.ts'
import { performHandshake } from './handshake.ts'
import { serveLogin } from './login.ts'
import { serveRegistration } from './registration.ts'
import { recordViolation } from './violations.ts'
import type { World } from './world.ts'

/** Serves one client until its connection ends. */
export async function serve(world: World, connection: Connection): Promise<void> {
  try {
    const client = await performHandshake(world, connection)
    if (!client) return
    if (conditionFor(world, connection).faults.cutAfterHandshake) return connection.cut()
    if (client.payload.devicePairingData) await serveRegistration(world, client)
    else await serveLogin(world, client)
  } catch (error) {
    // The client sent bytes that cannot be decrypted, or that are not a protobuf message or a stanza.
    recordViolation(
      world,
      connection,
      'bad-stanza',
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    )
    connection.close()
  }
}
