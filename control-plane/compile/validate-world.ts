import { locateProblem } from '../policy/locate-problem.ts'
import type { Manifest } from '../policy/manifest.ts'
import { manifestKey, nameOf, refOf } from '../policy/manifest.ts'
import type { ManifestProblem } from '../policy/manifest-problem.ts'
import { findSource } from '../policy/manifest-source.ts'
import type { World } from '../world/world.ts'
import type { Finding } from './finding.ts'
import { validateAuthorization } from './validate-authorization.ts'
import { validatePeerAuthentication } from './validate-peer-authentication.ts'
import { validateRoute } from './validate-route.ts'
import { validateTraffic } from './validate-traffic.ts'

/** A finding with its place in the file. `formatProblem` makes a paragraph of it. */
export interface WorldProblem extends ManifestProblem {
  readonly severity: 'error' | 'warning'
}

/**
 * What is wrong with manifests that are each well-formed, once they stand together with everything else: references to
 * what does not exist, policies that contradict each other or concern nobody. Errors first.
 *
 * `world` holds the manifests already, as it would be after applying them. `only`: keys of the manifests to look at
 * (those being applied); absent: all.
 */
export function validateWorld(world: World, only?: ReadonlySet<string>): readonly WorldProblem[] {
  const problems: WorldProblem[] = []
  for (const manifest of world.manifests.values()) {
    if (only !== undefined && !only.has(manifestKey(refOf(manifest)))) continue
    for (const { severity, ...problem } of findingsOf(world, manifest)) {
      problems.push({ severity, ...locateProblem(problem, findSource(manifest), nameOf(manifest)) })
    }
  }
  return [
    ...problems.filter(({ severity }) => severity === 'error'),
    ...problems.filter(({ severity }) => severity === 'warning'),
  ]
}

function findingsOf(world: World, manifest: Manifest): readonly Finding[] {
  switch (manifest.kind) {
    case 'HTTPRoute':
      return validateRoute(world, manifest)
    case 'TrafficPolicy':
      return validateTraffic(world, manifest)
    case 'AuthorizationPolicy':
      return validateAuthorization(world, manifest)
    case 'PeerAuthentication':
      return validatePeerAuthentication(world, manifest)
    case 'MeshConfig': {
      const { trustDomain } = manifest.spec
      if (trustDomain === undefined || trustDomain === world.trust.trustDomain) return []
      return [
        {
          severity: 'error',
          path: ['spec', 'trustDomain'],
          problem: "is not the authority's trust domain, which is fixed when the mesh is created",
          found: JSON.stringify(trustDomain),
          allowed: JSON.stringify(world.trust.trustDomain),
        },
      ]
    }
    case 'Service':
      return manifest.spec.ports.flatMap(({ targetPort }, i): Finding[] =>
        targetPort === undefined
          ? []
          : [
              {
                severity: 'warning',
                path: ['spec', 'ports', i, 'targetPort'],
                problem: 'has no effect: an instance says its own port when it registers (--serve)',
                found: String(targetPort),
              },
            ],
      )
  }
}
