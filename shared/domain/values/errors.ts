/** The list of error codes, with what each means to client, owner and operator (requirements, "Error codes"). */

export type Language = 'ru' | 'en'

/** Next step of the owner after an error. */
export type OwnerAction = 'retry' | 'wait' | 'check-number' | 'reset' | 'use-qr' | 'contact-support'

/** Properties of an error code; `ru` and `en` are the sentences for the owner. */
export type ErrorSpec = {
  readonly httpStatus: number
  readonly retryable: boolean
  readonly action?: OwnerAction
  /** Log level. `info`: expected; `warn`: worth a look; `error`: an operator has to act. */
  readonly level: 'info' | 'warn' | 'error'
  readonly ru: string
  readonly en: string
}

const errors = {
  INVALID_PHONE_FORMAT: {
    httpStatus: 400,
    retryable: false,
    action: 'check-number',
    level: 'info',
    ru: 'Неверный формат номера. Укажите номер WhatsApp целиком, например +7 900 123-45-67, без добавочного',
    en: 'The phone number is not valid. Give the full WhatsApp number, e.g. +7 900 123-45-67; direct WhatsApp numbers only, no extension',
  },
  INVALID_COUNTRY_CODE: {
    httpStatus: 400,
    retryable: false,
    action: 'check-number',
    level: 'info',
    ru: 'Неизвестный код страны. Проверьте номер',
    en: 'No country has this calling code. Check the number',
  },
  INVALID_PHONE: {
    httpStatus: 422,
    retryable: false,
    action: 'check-number',
    level: 'info',
    ru: 'Номер не зарегистрирован в WhatsApp',
    en: 'This number is not registered in WhatsApp',
  },
  CREDENTIALS_CONFLICT: {
    httpStatus: 409,
    retryable: true,
    action: 'check-number',
    level: 'info',
    ru: 'Обнаружен конфликт учетных данных',
    en: 'A credentials conflict was found. Check the number and try again',
  },
  RATE_LIMITED: {
    httpStatus: 429,
    retryable: true,
    action: 'wait',
    level: 'info',
    ru: 'Слишком много попыток, подождите',
    en: 'Too many attempts, please wait',
  },
  BUSY: {
    httpStatus: 503,
    retryable: true,
    action: 'wait',
    level: 'warn',
    ru: 'Сервис занят, попробуйте через несколько секунд',
    en: 'The service is busy, try again in a few seconds',
  },
  PAIRING_TIMEOUT: {
    httpStatus: 504,
    retryable: true,
    action: 'retry',
    level: 'info',
    ru: 'WhatsApp не ответил вовремя. Попробуйте ещё раз',
    en: 'WhatsApp did not answer in time. Try again',
  },
  CODE_EXPIRED: {
    httpStatus: 410,
    retryable: true,
    action: 'retry',
    level: 'info',
    ru: 'Срок действия кода истёк. Запросите новый код',
    en: 'The code has expired. Ask for a new one',
  },
  PAIRING_CANCELLED: {
    httpStatus: 409,
    retryable: true,
    action: 'retry',
    level: 'info',
    ru: 'Подключение отменено',
    en: 'The pairing was cancelled',
  },
  PAIRING_SUPERSEDED: {
    httpStatus: 409,
    retryable: true,
    action: 'retry',
    level: 'info',
    ru: 'Запрошено новое подключение, прежний код больше не действует',
    en: 'A newer request has replaced this one; its code is no longer valid',
  },
  PASSKEY_REQUIRED: {
    httpStatus: 409,
    retryable: false,
    action: 'contact-support',
    level: 'info',
    ru: 'Аккаунт WhatsApp защищён ключом доступа, подключить его по коду нельзя. Обратитесь в поддержку',
    en: 'This WhatsApp account is protected by a passkey and cannot be linked this way. Contact support',
  },
  LOGGED_OUT: {
    httpStatus: 409,
    retryable: true,
    action: 'retry',
    level: 'info',
    ru: 'Устройство отключено в WhatsApp. Подключите номер заново',
    en: 'The device was removed in WhatsApp. Link the number again',
  },
  ACCOUNT_RESTRICTED: {
    httpStatus: 409,
    retryable: false,
    action: 'contact-support',
    level: 'warn',
    ru: 'WhatsApp ограничил этот аккаунт. Проверьте его на телефоне или обратитесь в поддержку',
    en: 'WhatsApp has restricted this account. Check it on the phone, or contact support',
  },
  CLIENT_OUTDATED: {
    httpStatus: 503,
    retryable: false,
    action: 'contact-support',
    level: 'error',
    ru: 'Подключение временно недоступно, мы уже занимаемся этим',
    en: 'Linking is unavailable at the moment, we are working on it',
  },
  CLIENT_REJECTED: {
    httpStatus: 503,
    retryable: false,
    action: 'contact-support',
    level: 'error',
    ru: 'WhatsApp отклонил запрос. Обратитесь в поддержку',
    en: 'WhatsApp rejected the request. Contact support',
  },
  SESSION_REPLACED: {
    httpStatus: 409,
    retryable: true,
    action: 'contact-support',
    level: 'warn',
    ru: 'Сессия открыта в другом месте',
    en: 'The session was opened elsewhere',
  },
  WHATSAPP_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    action: 'retry',
    level: 'warn',
    ru: 'WhatsApp временно недоступен. Подключённый номер восстановится сам, а код запросите ещё раз',
    en: 'WhatsApp is unavailable at the moment. A linked number reconnects by itself; if you wait for a code, ask again',
  },
  HOST_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    action: 'retry',
    level: 'warn',
    ru: 'Работа сервиса подключения прервалась. Подключённый номер восстановится сам, а код запросите ещё раз',
    en: 'The linking service was interrupted. A linked number reconnects by itself; if you wait for a code, ask again',
  },
  STORE_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    action: 'retry',
    level: 'error',
    ru: 'Сервис временно недоступен. Попробуйте ещё раз',
    en: 'The service is unavailable at the moment. Try again',
  },
  UNAUTHORIZED: {
    httpStatus: 401,
    retryable: false,
    level: 'info',
    ru: 'Требуется вход: токен отсутствует, неверен или истёк',
    en: 'A valid token is required: it is missing, wrong or expired',
  },
  FORBIDDEN: {
    httpStatus: 403,
    retryable: false,
    level: 'info',
    ru: 'Нет доступа',
    en: 'This token has no access here',
  },
  BAD_REQUEST: {
    httpStatus: 400,
    retryable: false,
    level: 'info',
    ru: 'Неверный запрос',
    en: 'Bad request',
  },
  NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    level: 'info',
    ru: 'Не найдено',
    en: 'Not found',
  },
  INTERNAL: {
    httpStatus: 500,
    retryable: true,
    action: 'contact-support',
    level: 'error',
    ru: 'Внутренняя ошибка. Попробуйте ещё раз или обратитесь в поддержку',
    en: 'Internal error. Try again, or contact support',
  },
} as const satisfies Record<string, ErrorSpec>

export type ErrorCode = keyof typeof errors

/** Returns the properties of a code; those of `INTERNAL` for a code that only a newer build knows (R49a). */
export const errorSpec = (code: ErrorCode): ErrorSpec => (Object.hasOwn(errors, code) ? errors[code] : errors.INTERNAL)

export const errorCodes = Object.keys(errors) as [ErrorCode, ...ErrorCode[]]

/**
 * A failure as clients get it. `action` overrides the list (WhatsApp's status 452 offers the QR); `retryAfter` is in
 * seconds. `detail` completes the sentence in the reader's language; that of a `BAD_REQUEST` is for developers, in
 * English, and becomes a field of its own.
 */
export type Failure = {
  readonly code: ErrorCode
  readonly retryAfter?: number
  readonly action?: OwnerAction
  readonly detail?: string
}
