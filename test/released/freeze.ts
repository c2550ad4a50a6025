/** Program that freezes `build.ts` as the last released build: at each release, and never to make a test pass. */
import { execFileSync } from 'node:child_process'
import { build } from 'esbuild'
import * as v from 'valibot'
import { read, root } from '../support/repository.ts'

const Package = v.object({ version: v.string() })
const { version } = v.parse(Package, JSON.parse(read('package.json')))
/** Day of the last commit. */
const day = execFileSync('git', ['log', '-1', '--format=%cs'], { cwd: root, encoding: 'utf8' }).trim()

await build({
  absWorkingDir: root,
  entryPoints: ['test/released/build.ts'],
  outfile: 'test/released/frozen.mjs',
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  packages: 'external',
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
  banner: {
    js: [
      `// Version ${version} of ${day}: how the last release reads states and decides about them. Generated, not edited.`,
      '// `node test/released/freeze.ts` renews it: see CONTRIBUTING.md, "Release".',
    ].join('\n'),
  },
})
