/** Keyed hash that the control table has instead of a phone: in budgets of codes and in links of phones (R24). */
import { createHmac } from 'node:crypto'
import { phoneClass } from '../domain/values/phone.ts'

/** Returns the hash of a phone (digits): one for all phones of a class. */
export const phoneHash = (phone: string, secret: string): string => keyedHash(`phone:${phoneClass(phone)}`, secret)

/** Returns the hash of a text that says of which kind it is. */
export const keyedHash = (text: string, secret: string): string =>
  createHmac('sha256', secret).update(text).digest('base64url')
