import { createHash } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Static, Type } from 'typebox'
import { bundleFromPem, rootsPemOf } from '../../certs/bundle.ts'
import { toCertificatePem } from '../../certs/certificate.ts'
import { fromPrivateKeyPem, toPrivateKeyPem } from '../../certs/key-pair.ts'
import { err, ok, type Result } from '../../certs/result.ts'
import type { SpiffeId } from '../../certs/spiffe-id.ts'
import { parserOf } from '../core/schema.ts'
import { createIdentity, type Identity } from './identity.ts'

const FILE_NAME = 'identity.json'
const FORMAT = 1
/** A key, a chain of five and 32 roots are under 64 KiB. */
const MAX_FILE_BYTES = 256 * 1024

/** What stands in the file; `checksum` is the SHA-256 of `body` as text. */
interface Stored {
  readonly format: number
  readonly checksum: string
  readonly body: string
}

const Body = Type.Object(
  {
    keyPem: Type.String(),
    chainPem: Type.Array(Type.String()),
    trustDomain: Type.String(),
    sequence: Type.Integer({ minimum: 0 }),
    rootsPem: Type.Array(Type.String()),
  },
  { additionalProperties: false },
)
type Body = Static<typeof Body>

const bodyParser = parserOf(Body)

/**
 * Keeps an identity in `directory`, so that a sidecar that restarts while the control plane is away can serve.
 *
 * The file holds the private key: mode 0600 in a directory 0700, and the directory should be on memory-backed storage
 * (tmpfs; in Kubernetes `emptyDir {medium: Memory}`), so that the key is never on a disk. Written aside, synced and
 * renamed: after a crash there is the old file or the new one. Errors are sentences; the identity in use is not touched.
 */
export async function saveIdentity(directory: string, identity: Identity): Promise<Result<void, string>> {
  const path = join(directory, FILE_NAME)
  const aside = `${path}.new`
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await rm(aside, { force: true })
    // 'wx' makes the file, so that its mode is ours and no link is followed
    const file = await open(aside, 'wx', 0o600)
    try {
      await file.writeFile(toText(identity))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(aside, path)
    await syncDirectory(dirname(path))
    return ok(undefined)
  } catch (thrown) {
    return err(`Cannot keep the identity in "${path}": ${messageOf(thrown)}`)
  }
}

/**
 * The identity that was kept in `directory`; undefined when there is none. An error, with what is wrong, when the file
 * can't be read, is damaged, was made for another identity, or its certificate is over: then the sidecar asks for a new one.
 */
export async function loadIdentity(
  directory: string,
  wanted: SpiffeId,
  wallMs: number,
): Promise<Result<Identity | undefined, string>> {
  const path = join(directory, FILE_NAME)
  const problem = (what: string): Result<never, string> => err(`Cannot use the identity in "${path}": ${what}`)
  let text: string
  try {
    // a file that was copied about may have lost its mode; the key in it must not stay readable
    if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600)
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? ok(undefined) : problem(messageOf(thrown))
  }
  const body = fromText(text)
  if (!body.ok) return problem(body.error)
  const keyPair = fromPrivateKeyPem(body.value.keyPem)
  if (!keyPair.ok) return problem(keyPair.error)
  const bundle = bundleFromPem(body.value.trustDomain, body.value.sequence, body.value.rootsPem)
  if (!bundle.ok) return problem(bundle.error)
  const parts = { keyPair: keyPair.value, chainPem: body.value.chainPem, bundle: bundle.value }
  const identity = createIdentity(parts, wanted, wallMs)
  return identity.ok ? identity : problem(identity.error)
}

function toText(identity: Identity): string {
  const body = JSON.stringify({
    keyPem: toPrivateKeyPem(identity.keyPair),
    chainPem: identity.chain.map(toCertificatePem),
    trustDomain: identity.bundle.trustDomain,
    sequence: identity.bundle.sequence,
    rootsPem: [...rootsPemOf(identity.bundle)],
  } satisfies Body)
  return JSON.stringify({ format: FORMAT, checksum: checksumOf(body), body } satisfies Stored)
}

function fromText(text: string): Result<Body, string> {
  if (text.length > MAX_FILE_BYTES) return err(`it is longer than ${MAX_FILE_BYTES} characters`)
  try {
    const stored = JSON.parse(text) as Partial<Stored> | null
    if (stored?.format !== FORMAT || typeof stored.body !== 'string') return err(`it is not of format ${FORMAT}`)
    if (stored.checksum !== checksumOf(stored.body)) return err('its checksum does not match, so it is damaged')
    const body = bodyParser.parse(JSON.parse(stored.body))
    return body.ok ? body : err('its fields are not those of an identity')
  } catch {
    return err('it is not JSON, so it is damaged')
  }
}

const checksumOf = (text: string): string => createHash('sha256').update(text).digest('hex')

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/** The rename itself is only safe once the directory is on the disk. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
