/** Turns a cloud assembly into a running cloud: creates some resources of its templates and describes the others. */

import { region, urlSuffix } from './services/account.ts'
import type { Clients } from './services/clients.ts'
import { readApis } from './template/apis.ts'
import { type Resource, readAssembly } from './template/assembly.ts'
import type { Cloud } from './template/cloud.ts'
import { readContainers } from './template/containers.ts'
import { readEventSource, readFunction } from './template/functions.ts'
import { makeReader } from './template/reader.ts'
import { realise } from './template/realisation.ts'
import { realisedResources } from './template/resource-types.ts'

/** Local URLs of both APIs. */
export type LocalUrls = { readonly http: string; readonly webSocket: string }

/**
 * Creates the assembly's tables, queues, keys and secrets, and resolves its functions, APIs and containers against
 * them.
 */
export async function realiseAssembly(folder: string, clients: Clients, urls: LocalUrls): Promise<Cloud> {
  const assembly = readAssembly(folder)
  const resources = realisedResources(assembly)
  const realisation = realise(assembly, clients, localiser(resources, urls))
  const reader = makeReader(assembly, folder, resources, realisation)
  await Promise.all(resources.map(realisation.identify))
  const ofType = (type: string) => resources.filter((resource) => resource.type === type)
  const [functions, eventSources, containers, apis] = await Promise.all([
    Promise.all(ofType('AWS::Lambda::Function').map((resource) => readFunction(resource, reader))),
    Promise.all(ofType('AWS::Lambda::EventSourceMapping').map((resource) => readEventSource(resource, reader))),
    Promise.all(ofType('AWS::ECS::TaskDefinition').map((resource) => readContainers(resource, reader, clients))),
    readApis(reader),
  ])
  return { functions, eventSources: eventSources.flat(), containers: containers.flat(), ...apis }
}

/**
 * Returns a function that replaces an API's address on AWS, with its stage, by the local URL. The WebSocket API and its
 * management API share an address and differ only in the scheme.
 */
function localiser(resources: readonly Resource[], urls: LocalUrls): (text: string) => string {
  const stages = resources.map(({ properties }) => properties['StageName']).filter((name) => typeof name === 'string')
  const host = `[a-z0-9]+\\.execute-api\\.${region}\\.${urlSuffix.replace('.', '\\.')}`
  const address = new RegExp(`(https|wss)://${host}(/(?:${stages.join('|')})(?![^/]))?`, 'g')
  return (text) => text.replace(address, (_, scheme) => (scheme === 'wss' ? urls.webSocket : urls.http))
}
