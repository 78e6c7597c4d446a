import type { MetricDefinition, MetricKind } from './metric-definition.ts'
import { MetricFamily } from './metric-family.ts'
import { writeMetrics } from './metrics-text.ts'

/** A set of declarations: `metricSet` answers an object of the same keys. */
export type MetricDefinitions = Readonly<Record<string, MetricDefinition>>

/** The families of a set, by the keys of their declarations. */
export type MetricSet<D extends MetricDefinitions> = {
  readonly [K in keyof D]: D[K] extends MetricDefinition<infer Kind extends MetricKind, infer Label extends string>
    ? MetricFamily<Kind, Label>
    : never
}

/** What `/metrics` answers. */
export interface Exposition {
  readonly contentType: string
  readonly body: string
}

/** All metrics of one process, in the order they were declared. Built once and handed down, so that tests have their own. */
export class MetricRegistry {
  readonly #families: MetricFamily[] = []

  /** Makes the families of a set of declarations. */
  metricSet<const D extends MetricDefinitions>(definitions: D): MetricSet<D> {
    const set: Record<string, MetricFamily> = {}
    for (const [key, definition] of Object.entries(definitions)) {
      const family = new MetricFamily(definition)
      this.#families.push(family)
      // A metric without labels is there from the start: its absence would read as "not known", not as zero.
      if (definition.labels.length === 0) family.series({})
      set[key] = family
    }
    return set as MetricSet<D>
  }

  /** All metrics as text: OpenMetrics where `accept` names it, else Prometheus text 0.0.4. */
  expose(accept: string | undefined): Exposition {
    const isOpenMetrics = wantsOpenMetrics(accept)
    return {
      contentType: isOpenMetrics
        ? 'application/openmetrics-text; version=1.0.0; charset=utf-8'
        : 'text/plain; version=0.0.4; charset=utf-8',
      body: writeMetrics(this.#families, isOpenMetrics ? 'openmetrics' : 'prometheus'),
    }
  }
}

/** Whether a scraper that accepts this is answered in OpenMetrics. */
export const wantsOpenMetrics = (accept: string | undefined): boolean =>
  accept?.includes('application/openmetrics-text') === true
