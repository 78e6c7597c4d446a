import { RequestDecoder } from '../../../sidecar/http1/request-decoder.ts'
import { RequestHeadParser } from '../../../sidecar/http1/request-head.ts'
import { ResponseDecoder } from '../../../sidecar/http1/response-decoder.ts'
import { ResponseHeadParser } from '../../../sidecar/http1/response-head.ts'

/** What a decoder said, step by step; neighbouring pieces of a body joined. */
export interface Transcript {
  readonly steps: readonly unknown[]
  readonly error: string | undefined
}

/** The input cut in two at every place, and into single octets. */
export function* everySplit(input: Buffer): Generator<Buffer[]> {
  for (let i = 1; i < input.length; i++) yield [input.subarray(0, i), input.subarray(i)]
  yield Array.from(input, (octet) => Buffer.from([octet]))
}

/** Decodes requests. Each chunk is overwritten after it was read, as its owner may. */
export function requestTranscript(chunks: readonly Buffer[], parser = new RequestHeadParser('http')): Transcript {
  const decoder = new RequestDecoder(parser)
  return transcript(chunks, decoder, () => {
    const request = decoder.request
    if (request?.head.upgrade !== undefined) decoder.switchToRaw()
    return { ...request, isEnd: decoder.isEnd }
  })
}

/** Decodes responses to requests with these methods. */
export function responseTranscript(
  chunks: readonly Buffer[],
  methods: readonly string[] = ['GET'],
  mayUpgrade = false,
): Transcript {
  const decoder = new ResponseDecoder(new ResponseHeadParser())
  let i = 0
  decoder.expect(methods[0] ?? 'GET', mayUpgrade)
  const answered = (): void => decoder.expect(methods[++i] ?? 'GET', mayUpgrade)
  return transcript(
    chunks,
    decoder,
    () => {
      const said = { head: decoder.head, isEnd: decoder.isEnd, keepAlive: decoder.keepAlive, isRaw: decoder.isRaw }
      if (decoder.isEnd) answered()
      return said
    },
    answered,
  )
}

function transcript(
  chunks: readonly Buffer[],
  decoder: RequestDecoder | ResponseDecoder,
  onHead: () => unknown,
  onEnd: () => void = () => {},
): Transcript {
  const steps: unknown[] = []
  let body: string | undefined
  const flush = (): void => {
    if (body !== undefined) steps.push({ body })
    body = undefined
  }
  for (const chunk of chunks) {
    const borrowed = Buffer.from(chunk)
    decoder.push(borrowed)
    reading: for (;;) {
      const step = decoder.next()
      switch (step) {
        case 'need-more':
          break reading
        case 'violation':
          flush()
          return { steps, error: decoder.error?.code }
        case 'body':
          body = (body ?? '') + decoder.body.toString('latin1')
          break
        case 'end':
          flush()
          steps.push({ end: decoder.trailers })
          onEnd()
          break
        case 'interim':
          steps.push({ interim: 'head' in decoder ? decoder.head : undefined })
          break
        case 'head':
          flush()
          steps.push(onHead())
          break
      }
    }
    decoder.retain()
    borrowed.fill(0x58)
  }
  flush()
  return { steps, error: undefined }
}
