/** The lengths of functions, for the limit in test/architecture.test.ts. */
import { parseAst } from 'vitest/node'

export type FunctionLength = { readonly line: number; readonly lines: number }

type SyntaxNode = { readonly type: string; readonly start: number; readonly end: number }

/** Types of the nodes that are functions with a body; a method is a `FunctionExpression`. */
const functionTypes = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']

/**
 * Returns the line of each function of a TypeScript file, and its number of lines from the first to the last, closures
 * inside included.
 */
export function functionLengths(source: string): FunctionLength[] {
  const lineAt = (offset: number) => source.slice(0, offset).split('\n').length
  return functionsIn(parseAst(source, { lang: 'ts' })).map(({ start, end }) => {
    const line = lineAt(start)
    return { line, lines: lineAt(end) - line + 1 }
  })
}

/** Returns the functions in a syntax tree or in a part of one. */
function functionsIn(tree: unknown): SyntaxNode[] {
  if (typeof tree !== 'object' || tree === null) return []
  const inside = Object.values(tree).flatMap(functionsIn)
  return isNode(tree) && functionTypes.includes(tree.type) ? [tree, ...inside] : inside
}

const isNode = (tree: object): tree is SyntaxNode => 'type' in tree && 'start' in tree && 'end' in tree
