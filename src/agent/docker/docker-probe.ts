/** Asks a container over its own network whether it serves: HTTP or TCP. Judges one answer, no health. */

import { get } from 'node:http';
import { connect } from 'node:net';
import type { Probe } from '../../model/health.ts';
import type { ProbeResult } from '../engine/engine.ts';
import { boundOutput } from '../engine/report-text.ts';

/** Of an answer that says why it is none: the beginning is read. */
const bodyBytesMax = 1024;

/** @param address of the container */
export async function probeAddress(address: string, probe: Probe, signal: AbortSignal): Promise<ProbeResult> {
  const deadline = AbortSignal.timeout(probe.timeoutSeconds * 1000);
  const ends = AbortSignal.any([signal, deadline]);
  const target = `${address}:${probe.port}`;
  try {
    return probe.kind === 'http' ? await askHttp(address, probe, ends) : await openTcp(address, probe, ends);
  } catch (error) {
    const why = deadline.aborted ? `no answer within ${probe.timeoutSeconds} s` : (error as Error).message;
    return { isHealthy: false, output: boundOutput(`${probe.kind} ${target}: ${why}`) };
  }
}

function askHttp(
  host: string,
  { path, port, status }: Extract<Probe, { kind: 'http' }>,
  signal: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const request = get({
      host,
      port,
      path,
      signal,
      agent: false,
      headers: { 'user-agent': 'container-orchestrator' },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const found = response.statusCode ?? 0;
      const isHealthy = status === null ? found >= 200 && found < 400 : found === status;
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
        if (body.length >= bodyBytesMax) response.destroy();
      });
      response.on('error', () => {});
      response.on('close', () => {
        const wanted = status === null ? '' : `, not ${status}`;
        resolve({ isHealthy, output: boundOutput(`GET ${path} answered ${found}${wanted}: ${body}`) });
      });
    });
  });
}

function openTcp(host: string, { port }: Probe, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.on('error', reject);
    socket.on('connect', () => {
      socket.destroy();
      resolve({ isHealthy: true, output: `connected to port ${port}` });
    });
  });
}
