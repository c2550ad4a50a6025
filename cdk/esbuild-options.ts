import type { BuildOptions } from 'esbuild'

/** How everything that is deployed is bundled: ES modules for Node 24, with the AWS SDK inside (it loads faster so). */
export const esbuildOptions: BuildOptions = {
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // What is imported dynamically (Sentry, JWKS) becomes a chunk that is only loaded when needed.
  splitting: true,
  outExtension: { '.js': '.mjs' },
  mainFields: ['module', 'main'],
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'error',
  // Three names that the CommonJS among our dependencies (Sentry's) expects.
  banner: {
    js: [
      `import{createRequire as __createRequire}from'node:module';`,
      `const require=__createRequire(import.meta.url),__filename=import.meta.filename,__dirname=import.meta.dirname;`,
    ].join(''),
  },
}
