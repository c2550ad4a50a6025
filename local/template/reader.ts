/** Context for reading a resource: its assembly, the realised resources, and look-ups by ARN. */
import type { Assembly, Resource } from './assembly.ts'
import type { Realisation } from './realisation.ts'

export type Reader = Realisation & {
  readonly assembly: Assembly
  readonly assemblyFolder: string
  /** Resources that the local run acts on. */
  readonly resources: readonly Resource[]
  queueUrl(arn: string): Promise<string>
  /** Returns a function's ARN, given its name, its ARN or an integration's URI. */
  functionArn(name: string): Promise<string>
}

/** Creates a reader. */
export function makeReader(
  assembly: Assembly,
  assemblyFolder: string,
  resources: readonly Resource[],
  realisation: Realisation,
): Reader {
  const identities = (type: string) =>
    Promise.all(resources.filter((resource) => resource.type === type).map(realisation.identify))
  return {
    ...realisation,
    assembly,
    assemblyFolder,
    resources,
    async queueUrl(arn) {
      const queue = (await identities('AWS::SQS::Queue')).find(({ attributes }) => attributes['Arn'] === arn)
      if (queue === undefined) throw new Error(`No template has the queue ${arn}`)
      return queue.ref
    },
    async functionArn(name) {
      const wanted = /\/functions\/(.*)\/invocations$/.exec(name)?.[1] ?? name
      const all = await identities('AWS::Lambda::Function')
      const arn = all.find(({ ref, attributes }) => wanted === ref || wanted === attributes['Arn'])?.attributes['Arn']
      if (arn === undefined) throw new Error(`No template has the function ${name}`)
      return arn
    },
  }
}
