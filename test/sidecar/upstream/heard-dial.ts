import type { Endpoint } from '../../../sidecar/config/resources.ts'
import type { MeshError } from '../../../sidecar/core/mesh-errors.ts'
import type { DialLink, DialListener, Link } from '../../../sidecar/upstream/link.ts'

/** Hears of one dial, and writes it down. */
export class HeardDial implements DialListener {
  /** What was heard, in order: `link`, `failed`, `capacity`, `gone`. */
  readonly events: string[] = []
  link: Link | undefined
  error: MeshError | undefined
  /** The dial is decided. */
  readonly decided: Promise<void>
  /** The link is gone. */
  readonly gone: Promise<void>
  #decide: () => void = () => {}
  #leave: () => void = () => {}

  constructor(dial: DialLink, endpoint: Endpoint, timeoutMs: number) {
    this.decided = new Promise((resolve) => {
      this.#decide = resolve
    })
    this.gone = new Promise((resolve) => {
      this.#leave = resolve
    })
    dial(endpoint, timeoutMs, this)
  }

  /** What was heard but for capacity, which the peer's SETTINGS tell of at any time. */
  get lifeEvents(): readonly string[] {
    return this.events.filter((event) => event !== 'capacity')
  }

  onLink(link: Link): void {
    this.events.push('link')
    this.link = link
    this.#decide()
  }
  onDialFailed(error: MeshError): void {
    this.events.push('failed')
    this.error = error
    this.#decide()
  }
  onCapacity(): void {
    this.events.push('capacity')
  }
  onGone(): void {
    this.events.push('gone')
    this.#leave()
  }
}
