import type { TSchema } from 'typebox'
import type { KindDefinition } from './kind-definition.ts'

type Json = { readonly [key: string]: unknown }

/** Our own keywords, and what a structural schema may not hold: `additionalProperties: false` is how the API server reads any mapping with properties. */
const OWN_KEYWORDS = new Set(['wanted', 'notYet', 'notYetValues'])

/**
 * The CustomResourceDefinition of one of our kinds, from the schema that manifests are checked with. Structural (Kubernetes,
 * "Specifying a structural schema"): every level has a type, no `$ref`, no `anyOf` of types. Fields that we refuse for now
 * are left out, so that `kubectl` names them as unknown.
 */
export function toCrd(definition: KindDefinition): Json {
  const [group = '', version = ''] = definition.apiVersion.split('/')
  const { kind, plural, shortNames, scope, description } = definition
  const isPolicy = scope === 'Namespaced'
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      ...(isPolicy ? { labels: { 'gateway.networking.k8s.io/policy': 'Direct' } } : {}),
    },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
        categories: ['outrigger'],
      },
      scope,
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: [
            ...definition.columns.map(({ name, jsonPath }) => ({ name, type: 'string', jsonPath })),
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
          subresources: { status: {} },
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: toStructural(definition.spec),
                status: isPolicy ? POLICY_STATUS : CONDITIONS_STATUS,
              },
            },
          },
        },
      ],
    },
  }
}

function toStructural(schema: TSchema | Json): Json {
  const structural: Record<string, unknown> = {}
  for (const [keyword, value] of Object.entries(schema as Json)) {
    if (OWN_KEYWORDS.has(keyword) || (keyword === 'additionalProperties' && value === false)) continue
    if (keyword === 'properties') structural['properties'] = structuralProperties(value as Json)
    else if (keyword === 'items') structural['items'] = toStructural(value as Json)
    else structural[keyword] = value
  }
  return structural
}

const structuralProperties = (properties: Json): Json =>
  Object.fromEntries(
    Object.entries(properties)
      .filter(([, property]) => (property as Json)['notYet'] === undefined)
      .map(([name, property]) => [name, toStructural(property as Json)]),
  )

/** `metav1.Condition`. */
const CONDITIONS = {
  type: 'array',
  maxItems: 8,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
    properties: {
      type: { type: 'string', maxLength: 316 },
      status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
      reason: { type: 'string', maxLength: 1024 },
      message: { type: 'string', maxLength: 32768 },
      lastTransitionTime: { type: 'string', format: 'date-time' },
      observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
    },
  },
}
const CONDITIONS_STATUS = { type: 'object', properties: { conditions: CONDITIONS } }

/** `PolicyStatus` of Gateway API (GEP-713). */
const POLICY_STATUS = {
  type: 'object',
  properties: {
    ancestors: {
      type: 'array',
      maxItems: 16,
      items: {
        type: 'object',
        required: ['ancestorRef', 'controllerName'],
        properties: {
          ancestorRef: {
            type: 'object',
            required: ['name'],
            properties: {
              group: { type: 'string' },
              kind: { type: 'string' },
              namespace: { type: 'string' },
              name: { type: 'string' },
              sectionName: { type: 'string' },
            },
          },
          controllerName: { type: 'string' },
          conditions: CONDITIONS,
        },
      },
    },
  },
}
