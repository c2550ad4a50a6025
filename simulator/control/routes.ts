import * as v from 'valibot'
import { type Choice, isBadInput } from '../choice.ts'
import { behaviours } from '../phone/behaviours.ts'
import { conditionFrom, conditions, setCondition } from '../service/conditions.ts'
import type { World } from '../service/world.ts'
import { disruptions } from '../wire/disruptions.ts'
import { reportDailyLoad, setDailyLoad } from './daily-load.ts'
import { phoneActions } from './phone-actions.ts'
import { type Body, done, notFound, parsed, type Reply, refused } from './reply.ts'
import { reportState } from './reports.ts'

/** Access of the control routes to the simulator. */
export type Controls = {
  readonly world: World
  /** Drops every connection, or those of one client. The conditions that drop open connections need it. */
  readonly cutAll: (client?: string) => void
}

const AnyBody = v.record(v.string(), v.unknown(), 'the body must be an object')

/** Carries out one control request. */
export async function control(controls: Controls, method: string, path: string, body: unknown): Promise<Reply> {
  const { world } = controls
  const [root, area, name, act = '', ...rest] = path.split('?')[0]?.split('/').slice(1) ?? []
  if (root !== 'simulator' || rest.length > 0) return notFound(method, path)
  if (area === 'phones' && name !== undefined) return controlPhone(world, name, `${method} ${act}`, body ?? {})
  switch (`${method} ${[area, name].join('/')}`) {
    case 'GET state/':
      return done(reportState(world))
    case 'GET behaviours/':
      return done({
        phone: descriptionsOf(behaviours),
        service: descriptionsOf(conditions),
        disrupt: descriptionsOf(disruptions),
      })
    case 'PUT service/':
      return parsed(AnyBody, body, (request) => changeService(controls, request))
    case 'PUT daily-load/':
      return parsed(AnyBody, body, (request) => setDailyLoad(world, request))
    case 'GET daily-load/':
      return done(reportDailyLoad(world))
    default:
      return notFound(method, path)
  }
}

async function controlPhone(world: World, name: string, route: string, body: unknown): Promise<Reply> {
  const number = /^(?:\+|%2[Bb])?(\d{5,15})$/.exec(name)?.[1]
  if (number === undefined) return refused({ field: 'phone', message: 'phone must be 5 to 15 digits' })
  const action = Object.hasOwn(phoneActions, route) ? phoneActions[route] : undefined
  return action ? parsed(AnyBody, body, (request) => action(world, number, request)) : notFound(route, name)
}

function changeService({ world, cutAll }: Controls, { behaviour: name, client, ...params }: Body): Reply {
  if (client !== undefined && (typeof client !== 'string' || client === ''))
    return refused({ field: 'client', message: 'client must be a name' })
  const condition = conditionFrom(name, params)
  if (isBadInput(condition)) return refused(condition)
  setCondition(world, { client }, condition)
  if (condition.faults.down || condition.faults.dropsOpen) cutAll(client)
  return done({ behaviour: condition.name, params: condition.params, ...(client !== undefined && { client }) })
}

function descriptionsOf(table: Readonly<Record<string, Choice<unknown>>>): Record<string, string> {
  return Object.fromEntries(Object.entries(table).map(([name, { description }]) => [name, description]))
}
