/** RFC 9113 §5.1, without server push. Numbers, because they index the table. */
export const StreamState = { idle: 0, open: 1, halfClosedLocal: 2, halfClosedRemote: 3, closed: 4 } as const
export type StreamState = (typeof StreamState)[keyof typeof StreamState]

/** `receiveHeaders` and `sendHeaders` are heads and trailers; their END_STREAM, like that of DATA, is a separate event. */
export const StreamEvent = {
  sendHeaders: 0,
  receiveHeaders: 1,
  sendData: 2,
  receiveData: 3,
  sendEnd: 4,
  receiveEnd: 5,
  reset: 6,
} as const
export type StreamEvent = (typeof StreamEvent)[keyof typeof StreamEvent]

const { open, halfClosedLocal, halfClosedRemote, closed } = StreamState
const X = -1

// biome-ignore format: a table keeps its columns
/** −1: illegal in that state. */
const NEXT: readonly number[] = [
  // sendHeaders     receiveHeaders    sendData          receiveData      sendEnd          receiveEnd        reset
  open,              open,             X,                X,               X,               X,                X,       // idle
  open,              open,             open,             open,            halfClosedLocal, halfClosedRemote, closed,  // open
  X,                 halfClosedLocal,  X,                halfClosedLocal, X,               closed,           closed,  // halfClosedLocal
  halfClosedRemote,  X,                halfClosedRemote, X,               closed,          X,                closed,  // halfClosedRemote
  X,                 X,                X,                X,               X,               X,                X,       // closed
]

/** The state after `event`, or undefined when `event` is illegal in `state`. */
export function nextState(state: StreamState, event: StreamEvent): StreamState | undefined {
  const next = NEXT[state * 7 + event] as number
  return next < 0 ? undefined : (next as StreamState)
}
