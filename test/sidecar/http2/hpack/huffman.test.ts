import assert from 'node:assert/strict'
import test from 'ava'
import { OutputBuffer } from '../../../../sidecar/http2/frame/output-buffer.ts'
import { decodeHuffman, huffmanLength, writeHuffman } from '../../../../sidecar/http2/hpack/huffman.ts'
import { readInteger } from '../../../../sidecar/http2/hpack/integer.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

test('readInteger refuses six continuation octets, values past 2^31 − 1 and a missing end', () => {
  const longest = hex('1f 80 80 80 80 80 00')
  assert.equal(readInteger(longest, 0, longest.length, 5), 'overflow')
  const biggest = hex('7f ff ff ff ff 0f')
  assert.equal(readInteger(biggest, 0, biggest.length, 7), 'overflow')
  const cut = hex('1f 9a')
  assert.equal(readInteger(cut, 0, cut.length, 5), 'truncated')
  assert.equal(readInteger(cut, 2, cut.length, 5), 'truncated')
})

test('Huffman code carries every octet there and back, and is as long as announced', () => {
  const every = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('')
  for (const text of [every, '', 'a', 'www.example.com', every.repeat(3)]) {
    const coded = Buffer.alloc(huffmanLength(text) + 4)
    const end = writeHuffman(coded, 0, text)
    assert.equal(end, huffmanLength(text))
    const decoded = Buffer.alloc(text.length + 8)
    assert.equal(decoded.toString('latin1', 0, decodeHuffman(coded, 0, end, decoded, 0)), text)
  }
  const output = new OutputBuffer()
  output.appendText('\u010a')
  assert.equal(output.take().toString('latin1'), '?')
})

test('Huffman padding must be the start of the end of string and shorter than an octet', () => {
  const into = Buffer.alloc(64)
  const decodes = (text: string): number => decodeHuffman(hex(text), 0, hex(text).length, into, 0)
  assert.equal(decodes('1f'), 1, '"a" and three ones')
  assert.equal(decodes('18'), -1, '"a" and zeros')
  assert.equal(decodes('1fff'), -1, 'eleven bits of padding')
  assert.equal(decodes('ff'), -1, 'eight bits of padding')
  assert.equal(decodes('ffffffff'), -1, 'the end of string itself')
})
