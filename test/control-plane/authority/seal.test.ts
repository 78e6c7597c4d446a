import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { seal, unseal } from '../../../control-plane/authority/seal.ts'
import { openSealKey } from '../../../control-plane/authority/seal-key-file.ts'
import { unwrap } from '../../certs/mesh-pki.ts'

const key = randomBytes(32)

test('what is sealed opens with the same key and purpose only', () => {
  const sealed = seal(key, 'root', 'secret ü')
  assert.equal(unwrap(unseal(key, 'root', sealed)), 'secret ü')
  assert(!unseal(randomBytes(32), 'root', sealed).ok)
  assert(!unseal(key, 'issuing', sealed).ok)
  assert.notEqual(seal(key, 'root', 'secret ü'), sealed)
})

test('sealed octets with any bit changed, or cut anywhere, do not open', () => {
  const octets = Buffer.from(seal(key, 'root', 'secret'), 'base64')
  for (let bit = 0; bit < octets.length * 8; bit++) {
    const changed = Buffer.from(octets)
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    assert(!unseal(key, 'root', changed.toString('base64')).ok)
  }
  for (let length = 0; length < octets.length; length++) {
    assert(!unseal(key, 'root', octets.subarray(0, length).toString('base64')).ok)
  }
})

test('openSealKey makes a key that only its owner can read, and finds it again', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'outrigger-seal-'))
  try {
    const path = join(directory, 'keys', 'seal.key')
    const made = unwrap(await openSealKey(path))
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.deepEqual(unwrap(await openSealKey(path)), made)
    await writeFile(path, (await readFile(path, 'utf8')).slice(1))
    const digits = await readFile(path, 'utf8')
    for (const text of [digits, `${digits.trim()}00`, `0${digits.trim()} 0`, '', 'x'.repeat(64)]) {
      await writeFile(path, text)
      const wrong = await openSealKey(path)
      assert(!wrong.ok, text)
      assert.match(wrong.error, /expected 64 hexadecimal digits/)
      assert(text.trim() === '' || !wrong.error.includes(text.trim()), 'the message quotes no key')
    }
    const unreadable = await openSealKey(directory)
    assert(!unreadable.ok)
    assert.match(unreadable.error, /^Cannot read the seal key/)
    await chmod(directory, 0o700)
  } finally {
    await rm(directory, { recursive: true })
  }
})
