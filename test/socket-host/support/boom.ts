/** The shape of `@hapi/boom`, which all but the parse errors of Baileys have. */
export const boom = (message: string, statusCode: number, data?: unknown): Error =>
  Object.assign(new Error(message), { isBoom: true, data, output: { statusCode } })
