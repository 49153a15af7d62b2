/**
 * What the machine and the process give to a server.
 */
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import { standardPort } from '../control/listen.ts';
import { codeOf, reasonOf } from '../control/system-error.ts';
import type { Finding } from './doctor-finding.ts';

/** The oldest version that the tests run on. */
const NODE_MAJOR_MIN = 24;

/** The machine and Node. */
export function systemFindings(version: string): readonly Finding[] {
  const topic = 'system';
  const isRecent = Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN;
  const platform = `${os.type()} ${os.release()} ${process.arch}`;
  const isLinux = process.platform === 'linux';
  return [
    { topic, name: 'smbkit', state: 'ok', value: version },
    isLinux
      ? { topic, name: 'platform', state: 'ok', value: platform }
      : {
          topic,
          name: 'platform',
          state: 'problem',
          value: platform,
          consequence: 'folders are served on Linux only',
        },
    isRecent
      ? { topic, name: 'node', state: 'ok', value: process.versions.node }
      : {
          topic,
          name: 'node',
          state: 'problem',
          value: process.versions.node,
          consequence: `Node ${NODE_MAJOR_MIN} or later is needed`,
        },
    { topic, name: 'openssl', state: 'ok', value: process.versions.openssl },
  ];
}

/** Whether clients can come by the port that all of them know. */
export async function networkFindings(port = standardPort): Promise<readonly Finding[]> {
  const topic = 'network';
  const name = `port ${port}`;
  const error = await triedToListen(port);
  switch (error === undefined ? undefined : codeOf(error)) {
    case undefined:
      if (error === undefined) return [{ topic, name, state: 'ok', value: 'permitted and free' }];
      return [{ topic, name, state: 'missing', value: reasonOf(error), consequence: elsewhere }];
    case 'EADDRINUSE':
      return [{ topic, name, state: 'missing', value: 'in use by another program', consequence: elsewhere }];
    case 'EACCES':
      return [
        {
          topic,
          name,
          state: 'missing',
          value: 'not permitted to this user',
          consequence: `${elsewhere}; to permit it: sudo sysctl net.ipv4.ip_unprivileged_port_start=${port}`,
        },
      ];
    default:
      return [{ topic, name, state: 'missing', value: reasonOf(error), consequence: elsewhere }];
  }
}

const elsewhere = 'the server takes 1445, which Windows before 11 24H2 cannot use';

/** Why nobody can listen on this machine's own address; `undefined` when one can. */
function triedToListen(port: number): Promise<unknown> {
  return new Promise((resolve) => {
    const listener = net.createServer();
    listener.once('error', resolve);
    listener.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      listener.close(() => resolve(undefined)),
    );
  });
}

/** A server with a hundred busy clients has as many files open. */
const COMFORTABLE_DESCRIPTORS = 4096;
const COMFORTABLE_WATCHES = 8192;

/** What the kernel allows to this process. */
export function limitFindings(): readonly Finding[] {
  const topic = 'limits';
  const findings: Finding[] = [];
  const descriptors = descriptorLimit();
  if (descriptors !== undefined) {
    const isFew = descriptors < COMFORTABLE_DESCRIPTORS;
    const consequence =
      'files that clients keep open are closed and opened again in between; to raise it: ulimit -n';
    findings.push({
      topic,
      name: 'open files',
      state: isFew ? 'missing' : 'ok',
      value: descriptors,
      ...(isFew ? { consequence } : {}),
    });
  }
  for (const [name, file, comfortable] of [
    ['watched folders', 'max_user_watches', COMFORTABLE_WATCHES],
    ['watchers', 'max_user_instances', 128],
  ] as const) {
    const value = numberIn(`/proc/sys/fs/inotify/${file}`);
    if (value === undefined) continue;
    const isFew = value < comfortable;
    const consequence = `changes by other programs in many folders go unseen; to raise it: sudo sysctl fs.inotify.${file}=524288`;
    findings.push({ topic, name, state: isFew ? 'missing' : 'ok', value, ...(isFew ? { consequence } : {}) });
  }
  return findings;
}

/** The soft limit, which Node has raised to the hard one. */
function descriptorLimit(): number | undefined {
  const line = /^Max open files\s+(\d+)/m.exec(textOf('/proc/self/limits'));
  return line?.[1] === undefined ? undefined : Number(line[1]);
}

function numberIn(file: string): number | undefined {
  const text = textOf(file).trim();
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function textOf(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
