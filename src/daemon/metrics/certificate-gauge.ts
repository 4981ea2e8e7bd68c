/** Shows until when the certificate of the API is valid, for those who are to be woken before. */

import { X509Certificate } from 'node:crypto';
import type { Registry } from 'prom-client';
import { addGauge } from './gauge.ts';

/** @param read the certificate as PEM; null: plain HTTP, and no sample */
export function addCertificateGauge(registers: Registry[], read: () => string | null): void {
  addGauge(
    {
      name: 'co_certificate_expires_timestamp_seconds',
      help: 'When the certificate of the API expires, in seconds since 1970; absent with plain HTTP.',
      registers,
    },
    () => {
      const certificate = read();
      return certificate === null ? [] : [{ value: Date.parse(new X509Certificate(certificate).validTo) / 1_000 }];
    },
  );
}
