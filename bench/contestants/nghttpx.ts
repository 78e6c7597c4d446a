import { BACK_NAME } from '../certificates.ts'
import type { ContestantKind, Stage } from '../contestant.ts'
import { startPair } from '../pair.ts'
import { type Command, printedVersion } from '../processes.ts'

/** Streams that one link may have open: 100 by default, which would make 128 callers wait for each other. */
const STREAMS = 1_000

/** nghttpx twice, HTTP/2 between. */
export const NGHTTPX: ContestantKind = {
  name: 'nghttpx',
  title: 'nghttpx, HTTP/2 between',
  wires: ['http', 'grpc'],
  between: 'HTTP/2',
  authorizes: false,
  version: () => printedVersion('nghttpx', ['--version'], /nghttp2\/(\S+)/),
  start: (stage) =>
    startPair(stage, ({ front, mesh }) => ({
      front: nghttpx(`--frontend=127.0.0.1,${front};no-tls`, [
        `--backend=127.0.0.1,${mesh};;tls;proto=h2;sni=${BACK_NAME}`,
        `--cacert=${stage.tls.caFile}`,
        `--client-cert-file=${stage.tls.front.certFile}`,
        `--client-private-key-file=${stage.tls.front.keyFile}`,
      ]),
      back: nghttpx(`--frontend=127.0.0.1,${mesh}`, [
        `--backend=127.0.0.1,${stage.backendPort};;proto=${stage.wire === 'grpc' ? 'h2' : 'http/1.1'}`,
        '--npn-list=h2',
        '--verify-client',
        `--verify-client-cacert=${stage.tls.caFile}`,
        ...keyAndCertificate(stage),
      ]),
    })),
}

/** Its last arguments, without the name of an option. */
const keyAndCertificate = ({ tls }: Stage): readonly string[] => [tls.back.keyFile, tls.back.certFile]

const nghttpx = (frontend: string, rest: readonly string[]): Command => ({
  program: 'nghttpx',
  args: [
    '--conf=/dev/null',
    '--workers=1',
    '--no-ocsp',
    '--tls-min-proto-version=TLSv1.3',
    `--frontend-http2-max-concurrent-streams=${STREAMS}`,
    `--backend-http2-max-concurrent-streams=${STREAMS}`,
    frontend,
    ...rest,
  ],
})
