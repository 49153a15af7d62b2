/**
 * What every group of checks is given.
 */
import type { Container } from './container.ts';
import type { Report } from './report.ts';
import type { Service } from './service.ts';

export interface Scene {
  readonly report: Report;
  readonly container: Container;
  readonly service: Service;
  /** For files of clients. */
  readonly folder: string;
}
