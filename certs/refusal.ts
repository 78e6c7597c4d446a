/*
 * Why a certificate is refused. The code is for metrics and tests; the sentence is for a person.
 */

// biome-ignore format: a table keeps its columns
/** The one table of reasons. `{}` stands for what was found. */
export const REFUSALS = {
  'empty-chain':            'the peer sent no certificate',
  'long-chain':             'the peer sent {} certificates, more than 5',
  'malformed':              'certificate {}',
  'empty-bundle':           'there are no roots for trust domain {}, so nobody in it can be believed',
  'no-uri':                 'the certificate has no URI name, so it carries no SPIFFE ID',
  'many-uris':              'the certificate has {} URI names; an SVID has exactly one',
  'not-spiffe':             'the certificate\'s URI name is not a SPIFFE ID: {}',
  'no-path':                'the SPIFFE ID {} names a trust domain and not a workload',
  'wrong-trust-domain':     'the SPIFFE ID {} is of another trust domain than ours',
  'unexpected-identity':    'the peer is {}, which is not who was expected',
  'ca-leaf':                'the certificate is a CA; signing certificates do not authenticate',
  'signing-leaf':           'the certificate\'s key usage lets it sign certificates; such a certificate does not authenticate',
  'wrong-key-usage':        'the certificate\'s key usage is missing or lacks digitalSignature',
  'wrong-extended-usage':   'the certificate\'s extended key usage lacks serverAuth or clientAuth',
  'unknown-critical':       'the certificate has the critical extension {}, which we do not understand',
  'expired':                'the certificate ended at {}',
  'not-yet-valid':          'the certificate is not valid before {}; look at the clocks',
  'weak-key':               'the certificate\'s key, or the signature on it, is of a kind that we do not believe',
  'unknown-issuer':         'no root of the trust domain, and no certificate that the peer sent, issued the certificate',
  'bad-signature':          'the signature of a certificate in the chain is not made with its issuer\'s key',
  'issuer-not-ca':          'a certificate in the chain was issued by one that is not a CA or may not sign certificates',
  'issuer-has-path':        'a signing certificate has a SPIFFE ID with a path: {}',
  'issuer-expired':         'a signing certificate in the chain ended at {}',
  'issuer-not-yet-valid':   'a signing certificate in the chain is not valid before {}; look at the clocks',
  'path-too-long':          'the chain is longer than one of its signing certificates allows',
} as const

/** Why a certificate is refused. */
export type RefusalReason = keyof typeof REFUSALS

/** A refusal: a code, and one sentence for a person. */
export interface Refusal {
  readonly reason: RefusalReason
  readonly sentence: string
}

/** A refusal with what was found in its sentence. */
export const refusal = (reason: RefusalReason, found = ''): Refusal => ({
  reason,
  sentence: REFUSALS[reason].replace('{}', () => found),
})
