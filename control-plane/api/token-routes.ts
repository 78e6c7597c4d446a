import Type from 'typebox'
import type { Clock } from '../../sidecar/core/clock.ts'
import { parserOf, toLine } from '../../sidecar/core/schema.ts'
import type { JoinTokens } from '../authority/join-tokens.ts'
import { failure, reply } from './api-reply.ts'
import type { ApiRoute } from './api-server.ts'

const DEFAULT_TTL_MS = 3_600_000
const MAX_TTL_MS = 30 * 86_400_000
const Names = Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { minItems: 1, maxItems: 32 })
const TokenRequest = Type.Object(
  {
    /** Names, or beginnings of names with `*` after them. */
    namespaces: Names,
    serviceAccounts: Names,
    ttlMs: Type.Optional(Type.Integer({ minimum: 1_000, maximum: MAX_TTL_MS })),
  },
  { additionalProperties: false },
)
const parser = parserOf(TokenRequest)
const ALLOWED = '{"namespaces": ["shop"], "serviceAccounts": ["web", "orders-*"], "ttlMs": 3600000}'

/** Join tokens, with which a workload proves once that it may have an identity. */
export function tokenRoutes(tokens: Pick<JoinTokens, 'create' | 'revoke'>, clock: Clock): readonly ApiRoute[] {
  return [
    {
      method: 'POST',
      pattern: '/v1/tokens',
      async answer({ body }) {
        const parsed = parser.parse(parseJson(body))
        if (!parsed.ok)
          return failure(400, { what: parsed.error.map(toLine).join('; '), where: 'body', allowed: ALLOWED })
        const { namespaces, serviceAccounts, ttlMs = DEFAULT_TTL_MS } = parsed.value
        const expiresAtMs = Math.floor(clock.wallMs() + ttlMs)
        const token = await tokens.create({ namespaces, serviceAccounts, expiresAtMs })
        if (!token.ok) {
          const { kind, sentence } = token.error
          return kind === 'grant'
            ? failure(422, { what: sentence, where: 'body', allowed: ALLOWED })
            : failure(503, { what: sentence, where: 'registry', allowed: 'try again when it is back' })
        }
        return reply({ id: token.value.id, token: token.value.text, expiresAtMs }, 201)
      },
    },
    {
      method: 'DELETE',
      pattern: '/v1/tokens/:id',
      async answer({ params }) {
        const id = params['id'] ?? ''
        const revoked = await tokens.revoke(id)
        if (!revoked.ok) return failure(503, { what: revoked.error, where: 'registry', allowed: 'try again' })
        if (revoked.value) return reply({})
        return failure(404, {
          what: `there is no join token "${id}"`,
          where: 'path',
          allowed: 'the id that POST /v1/tokens answered: the part of a token between the dots',
        })
      },
    },
  ]
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
