import type { BuildOptions } from 'esbuild'

/**
 * Options for bundling everything that is deployed: ES modules for Node 24. The AWS SDK is included because it loads
 * faster that way.
 */
export const esbuildOptions: BuildOptions = {
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Dynamically imported code (Sentry, JWKS) becomes a chunk that is loaded only when needed.
  splitting: true,
  outExtension: { '.js': '.mjs' },
  mainFields: ['module', 'main'],
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'error',
  // Three names that CommonJS dependencies (Sentry's) expect.
  banner: {
    js: [
      `import{createRequire as __createRequire}from'node:module';`,
      `const require=__createRequire(import.meta.url),__filename=import.meta.filename,__dirname=import.meta.dirname;`,
    ].join(''),
  },
}
