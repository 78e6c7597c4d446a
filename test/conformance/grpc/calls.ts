import * as grpc from '@grpc/grpc-js'

// biome-ignore lint/suspicious/noExplicitAny: grpc-js has no types for methods that are loaded at run time
type Loaded = any

/** All that a call gave. */
export interface CallResult {
  readonly messages: readonly Loaded[]
  readonly initial: grpc.Metadata
  readonly status: grpc.StatusObject
}

/** Collects what a call gives until its status; into `messages`, where somebody else adds the answer of a unary one. */
export function resultOf(call: Loaded, messages: Loaded[] = []): Promise<CallResult> {
  let initial = new grpc.Metadata()
  call.on('metadata', (metadata: grpc.Metadata) => {
    initial = metadata
  })
  call.on('error', () => undefined) // the status says it
  if (typeof call.read === 'function') call.on('data', (message: Loaded) => messages.push(message))
  return new Promise((resolve) =>
    call.on('status', (status: grpc.StatusObject) => resolve({ messages, initial, status })),
  )
}

/** Makes a call whose answer is one message. */
export async function callOnce(
  client: Loaded,
  method: string,
  request: object,
  metadata = new grpc.Metadata(),
  options: grpc.CallOptions = {},
): Promise<CallResult> {
  const messages: Loaded[] = []
  let answered: () => void = () => {}
  const answer = new Promise<void>((resolve) => {
    answered = resolve
  })
  const call = client[method](request, metadata, options, (_error: unknown, message: Loaded) => {
    if (message !== undefined) messages.push(message)
    answered()
  })
  const result = await resultOf(call, messages)
  await answer
  return result
}

/** The next message of a stream, undefined at its end. */
export function nextMessage(call: Loaded): Promise<Loaded> {
  return new Promise((resolve) => {
    const done = (message?: Loaded): void => {
      call.removeListener('data', done)
      call.removeListener('end', done)
      resolve(message)
    }
    call.on('data', done)
    call.on('end', done)
  })
}

export const bytesOf = (messages: readonly Loaded[]): number[] => messages.map(({ payload }) => payload.body.length)
