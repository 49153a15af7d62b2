/**
 * The system calls that the sandbox refuses to the service while it starts and outside clients keep it busy: none that
 * anything depends on.
 */

import { onShare } from './client-checks.ts';
import { ran } from './program.ts';
import { demand, eventually } from './report.ts';
import type { Scene } from './scene.ts';
import { account, address, shareName } from './service.ts';

/** Refused calls that are known, and why they do no harm. */
const harmless: ReadonlyMap<string, string> = new Map([
  ['open_by_handle_at', 'tried once; needs CAP_DAC_READ_SEARCH besides'],
  ['getxattrat', 'tried once; younger than this libseccomp, getxattr does the same'],
]);

/** Calls that strace may not know the names of. */
const youngCalls: ReadonlyMap<string, string> = new Map([
  ['syscall_0x1cf', 'setxattrat'],
  ['syscall_0x1d0', 'getxattrat'],
  ['syscall_0x1d1', 'listxattrat'],
  ['syscall_0x1d2', 'removexattrat'],
]);

/** What asks most of the file system: holes, copies in the kernel, inotify, extended attributes. */
const leaves = [
  ...['create.brlocked', 'create.multi', 'create.open', 'create.delete', 'create.aclfile', 'create.acldir'],
  ...['streams.dir', 'streams.io', 'streams.rename', 'streams.attributes1', 'streams.zero-byte'],
  ...['notify.valid-req', 'notify.dir', 'notify.tree', 'notify.rec', 'notify.rmdir1'],
  ...['ioctl.copy_chunk_simple', 'ioctl.copy_chunk_sparse_dest', 'ioctl.trim_simple', 'ioctl.sparse_qar'],
  ...['ioctl.sparse_punch', 'ioctl.sparse_hole_dealloc', 'ioctl.network_interface_info'],
  ...[
    'rename.simple',
    'rename.rename_dir_openfile',
    'oplock.batch1',
    'lease.request',
    'timestamps.time_t_1968',
  ],
].map((leaf) => `smb2.${leaf}`);

const traceFile = '/run/calls';

export async function checkCalls(scene: Scene): Promise<void> {
  const { report, container, service } = scene;
  const script = `echo $$ > ${traceFile}.pid; exec strace -f -q -e status=failed -o ${traceFile} -p 1`;
  const tracing = container.tried(['sh', '-c', script], { limitMs: 300_000 });
  await eventually('strace follows systemd', async () => {
    const status = await container.run(['cat', '/proc/1/status']);
    return /^TracerPid:\s+[1-9]/m.test(status) ? true : undefined;
  });
  await service.systemctl('restart', 'smbkit');
  await service.listening();
  await report.check('smbclient works on folders', () => workOnFolders(scene));
  await report.check('smbtorture finds what it finds without a sandbox', () => torture(scene));
  const threads = await container.run(['ls', `/proc/${await service.property('MainPID')}/task`]);
  await report.check('its memory and threads stay far below their bounds', () => bounded(scene, threads));
  await container.run(['sh', '-c', `kill -INT $(cat ${traceFile}.pid)`]);
  await tracing;
  await report.check('no system call that matters was refused', () => refusals(scene, threads));
}

async function workOnFolders(scene: Scene): Promise<string> {
  const make = ['mkdir one', 'put sent one\\a.bin', 'scopy one\\a.bin one\\b.bin', 'rename one\\b.bin c.bin'];
  await onShare(scene, [...make, 'ls', 'rm c.bin', 'rm one\\a.bin', 'rmdir one']);
  return '';
}

async function torture({ container }: Scene): Promise<string> {
  const { name, password } = account;
  const target = [`//${address.host}/${shareName}`, '--configfile=/dev/null', `--user=${name}%${password}`];
  const words = [...container.network, 'smbtorture', ...target, ...leaves];
  const { output } = await ran(words, { limitMs: 180_000 });
  const verdicts = [...output.matchAll(/^(success|failure|error|skip): .*(?:\n(?!time: |test: ).*)*/gm)];
  const passed = verdicts.filter((match) => match[1] === 'success').length;
  const others = verdicts.filter((match) => match[1] !== 'success').map((match) => match[0]);
  demand(passed === leaves.length, `${passed} of ${leaves.length}\n${others.join('\n')}`);
  return `${passed} leaves pass`;
}

async function bounded({ service }: Scene, threads: string): Promise<string> {
  const peakMib = Number.parseInt(await service.status('VmHWM'), 10) / 1024;
  const maxMib = Number(await service.property('MemoryMax')) / 1024 ** 2;
  const tasks = threads.trim().split(/\s+/).length;
  const tasksMax = Number(await service.property('TasksMax'));
  const seen = `${peakMib.toFixed(0)} of ${maxMib} MiB, ${tasks} of ${tasksMax} threads`;
  demand(peakMib < maxMib / 2 && tasks < tasksMax / 2, seen);
  const isCounted = /^\d+$/.test(await service.property('MemoryCurrent'));
  return isCounted ? seen : `${seen} (which this machine’s control groups do not count)`;
}

/** Calls of the service that the filter does not let through and that came back with EPERM. */
async function refusals({ container, service }: Scene, threads: string): Promise<string> {
  const allowed = new Set((await service.property('SystemCallFilter')).split(/\s+/));
  demand(allowed.has('openat') && !allowed.has('mount'), `the filter permits ${[...allowed].join(' ')}`);
  const trace = await container.run(['cat', traceFile]);
  const own = new Set(threads.trim().split(/\s+/));
  const counts = new Map<string, number>();
  for (const [, thread = '', call = ''] of trace.matchAll(/^(\d+)\s+(?:<\.\.\. )?(\w+)[ (].*= -1 EPERM/gm)) {
    const name = youngCalls.get(call) ?? call;
    if (own.has(thread) && !allowed.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  demand(trace.includes(' ENOENT '), 'strace saw nothing');
  const unknown = [...counts.keys()].filter((name) => !harmless.has(name));
  demand(unknown.length === 0, `refused: ${unknown.join(', ')}`);
  return [...counts.keys()].map((name) => `${name} (${harmless.get(name)})`).join('; ');
}
