/** The cloud assembly that `cdk synth` writes: the templates of all stacks, and the folders of their assets. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as v from 'valibot'

/** A resource of a template, with unresolved intrinsic functions. */
export type Resource = {
  readonly stack: string
  readonly id: string
  readonly type: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, unknown>>
}

export type Stack = {
  readonly name: string
  readonly resources: ReadonlyMap<string, Resource>
  /** Values that other stacks import, by export name. */
  readonly exports: ReadonlyMap<string, unknown>
  /** Defaults of the parameters that have one. */
  readonly parameters: ReadonlyMap<string, string>
}

export type Assembly = {
  readonly stacks: readonly Stack[]
  /** Folders of file and image assets, by asset hash. */
  readonly assets: ReadonlyMap<string, string>
}

const Values = v.record(v.string(), v.unknown())
const Template = v.object({
  Resources: v.record(
    v.string(),
    v.object({ Type: v.string(), Properties: v.optional(Values, {}), Metadata: v.optional(Values, {}) }),
  ),
  Outputs: v.optional(
    v.record(v.string(), v.object({ Value: v.unknown(), Export: v.optional(v.object({ Name: v.string() })) })),
    {},
  ),
  Parameters: v.optional(v.record(v.string(), v.object({ Type: v.string(), Default: v.optional(v.string()) })), {}),
})
type Template = v.InferOutput<typeof Template>

const Manifest = v.object({
  artifacts: v.record(
    v.string(),
    v.object({ type: v.string(), properties: v.optional(v.object({ templateFile: v.optional(v.string()) }), {}) }),
  ),
})
const Sources = v.optional(
  v.record(
    v.string(),
    v.object({ source: v.object({ path: v.optional(v.string()), directory: v.optional(v.string()) }) }),
  ),
  {},
)
const AssetManifest = v.object({ files: Sources, dockerImages: Sources })

/** Reads a cloud assembly folder. */
export function readAssembly(folder: string): Assembly {
  const manifest = parse(Manifest, join(folder, 'manifest.json'))
  const stacks = Object.entries(manifest.artifacts).flatMap(([name, artifact]) => {
    const file = artifact.properties.templateFile
    if (artifact.type !== 'aws:cloudformation:stack' || file === undefined) return []
    return [toStack(name, parse(Template, join(folder, file)))]
  })
  return { stacks, assets: readAssets(folder) }
}

function toStack(name: string, template: Template): Stack {
  const resources = Object.entries(template.Resources).map(
    ([id, { Type, Properties, Metadata }]) =>
      [id, { stack: name, id, type: Type, properties: Properties, metadata: Metadata }] as const,
  )
  return {
    name,
    resources: new Map(resources),
    exports: new Map(
      Object.values(template.Outputs).flatMap(({ Export, Value }) =>
        Export === undefined ? [] : [[Export.Name, Value]],
      ),
    ),
    parameters: new Map(
      Object.entries(template.Parameters).flatMap(([id, parameter]) =>
        // Only a plain parameter's default is its value. The default of an SSM parameter is the parameter's name.
        parameter.Type === 'String' && parameter.Default !== undefined ? [[id, parameter.Default]] : [],
      ),
    ),
  }
}

function readAssets(folder: string): Map<string, string> {
  const manifests = readdirSync(folder).filter((name) => name.endsWith('.assets.json'))
  const entries = manifests.flatMap((name) => {
    const { files, dockerImages } = parse(AssetManifest, join(folder, name))
    return [...Object.entries(files), ...Object.entries(dockerImages)]
  })
  return new Map(
    entries.flatMap(([hash, { source }]) => {
      const path = source.directory ?? source.path
      return path === undefined ? [] : [[hash, resolve(folder, path)]]
    }),
  )
}

function parse<S extends v.GenericSchema>(schema: S, path: string): v.InferOutput<S> {
  if (!existsSync(path)) throw new Error(`${path} is missing: is the folder a cloud assembly?`)
  const parsed = v.safeParse(schema, JSON.parse(readFileSync(path, 'utf8')))
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  throw new Error(`${path}: ${v.getDotPath(issue) ?? 'content'}: ${issue.message}`)
}
