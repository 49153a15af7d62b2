/**
 * The native abilities, and what a folder's file system can do, with what follows where something is missing.
 */
import fs from 'node:fs';
import path from 'node:path';
import { folderProblem } from '../control/folder.ts';
import { reasonOf } from '../control/system-error.ts';
import { type Libc, libcOrAbsence, loadLibc } from '../native/libc.ts';
import { type FolderAbilities, probeFolder } from '../native/probe.ts';
import type { Finding } from './doctor-finding.ts';

interface Ability {
  readonly name: string;
  readonly calls: readonly (keyof Libc)[];
  readonly consequence: string;
}

const abilities: readonly Ability[] = [
  {
    name: 'extended attributes',
    calls: ['xattr'],
    consequence: 'attributes, streams and permissions are kept in the state folder, not with the files',
  },
  {
    name: 'holes',
    calls: ['holes', 'search'],
    consequence: 'sparse files take the space of their size when they are zeroed',
  },
  {
    name: 'copies in the kernel',
    calls: ['copies'],
    consequence: 'copies within the server are read and written by it',
  },
  {
    name: 'quick look at files',
    calls: ['statx', 'openAt', 'unlinkAt', 'readEntries'],
    consequence: 'opening and listing takes more processor time',
  },
  {
    name: 'exact times',
    calls: ['setTimes'],
    consequence:
      'times that clients set are exact on disk to a microsecond only; the rest is kept in the state folder',
  },
  {
    name: 'rename without replacing',
    calls: ['renameAt2'],
    consequence: 'a file is moved in two steps: linked to its new name, then removed from the old one',
  },
  {
    name: 'reads from memory only',
    calls: ['readNow'],
    consequence: 'a slow disk may hold up other clients until it is recognised',
  },
  {
    name: 'files by identity',
    calls: ['fileHandles'],
    consequence:
      'open files that lent their descriptor to others are found again by path, or not when another program moved them',
  },
  {
    name: 'changes by others',
    calls: ['inotify'],
    consequence: 'a move by another program is seen as a name that went and one that came',
  },
];

/** Whether native calls are on, and which of them work. */
export function nativeFindings(): readonly Finding[] {
  const topic = 'native';
  const libc = libcOrAbsence();
  if (typeof libc === 'string') {
    const consequence = `${fixOf(libc)}everything works without, slower, and metadata is kept in the state folder`;
    return [{ topic, name: 'native calls', state: 'missing', value: libc, consequence }];
  }
  return [
    { topic, name: 'native calls', state: 'ok', value: 'on' },
    ...abilities.map(({ name, calls, consequence }): Finding => {
      const lacking = calls.filter((call) => libc[call] === undefined);
      if (lacking.length === 0) return { topic, name, state: 'ok', value: true };
      return { topic, name, state: 'missing', value: `without ${lacking.join(', ')}`, consequence };
    }),
  ];
}

function fixOf(absence: string): string {
  if (absence === 'koffi is not installed') return 'npm install koffi; ';
  return absence === 'switched off' ? 'unset SMBKIT_NATIVE; ' : '';
}

/** What can be said about serving `folder`. */
export async function folderFindings(folder: string): Promise<readonly Finding[]> {
  const topic = path.resolve(folder);
  const problem = await folderProblem(topic);
  if (problem !== undefined) {
    return [{ topic, name: 'folder', state: 'problem', value: 'cannot be served', consequence: problem }];
  }
  try {
    return [...abilityFindings(topic, probeFolder(topic, loadLibc())), ...spaceFindings(topic)];
  } catch (error) {
    return [
      { topic, name: 'folder', state: 'problem', value: 'cannot be looked at', consequence: reasonOf(error) },
    ];
  }
}

/** Samba's and our records of a file fit into this many bytes. */
const COMFORTABLE_XATTR_BYTES = 1024;

function abilityFindings(topic: string, found: FolderAbilities): readonly Finding[] {
  const { fileSystem, isWritable, isCaseSensitive, userXattrBytesMax } = found;
  const findings: Finding[] = [
    { topic, name: 'file system', state: 'ok', value: fileSystem },
    isWritable
      ? { topic, name: 'writable', state: 'ok', value: true }
      : { topic, name: 'writable', state: 'missing', value: false, consequence: 'it can be read only' },
  ];
  if (isCaseSensitive === false) {
    const consequence = 'names that differ in case only cannot be told apart, by other programs either';
    findings.push({ topic, name: 'case sensitive', state: 'ok', value: false, consequence });
  } else {
    findings.push({ topic, name: 'case sensitive', state: 'ok', value: isCaseSensitive ?? 'unknown' });
  }
  if (userXattrBytesMax !== undefined) findings.push(xattrFinding(topic, userXattrBytesMax));
  for (const { name, ability, consequence } of folderAbilities) {
    const has = found[ability];
    if (has === true) findings.push({ topic, name, state: 'ok', value: true });
    if (has === false) findings.push({ topic, name, state: 'missing', value: false, consequence });
  }
  if (isWritable && userXattrBytesMax === undefined) {
    findings.push({
      topic,
      name: 'attributes, holes',
      state: 'missing',
      value: 'unknown without native calls',
      consequence: 'see native',
    });
  }
  return findings;
}

const folderAbilities = [
  {
    name: 'attributes security.',
    ability: 'hasSecurityXattr',
    consequence:
      'permissions go into user.NTACL, where Samba finds them with acl_xattr:security_acl_name = user.NTACL',
  },
  {
    name: 'holes',
    ability: 'hasHoles',
    consequence: 'sparse files take the space of their size',
  },
  {
    name: 'shared blocks',
    ability: 'hasReflinks',
    consequence: 'a copy within the server takes time and space like any other',
  },
  {
    name: 'reads from memory only',
    ability: 'hasReadNow',
    consequence: 'reads are timed instead, to tell a slow disk',
  },
] as const;

function xattrFinding(topic: string, bytesMax: number): Finding {
  const name = 'attributes user.';
  if (bytesMax === 0) {
    const consequence =
      'attributes, streams and permissions are kept in the state folder, not with the files';
    return { topic, name, state: 'missing', value: false, consequence };
  }
  const value = `up to ${bytesMax} bytes`;
  if (bytesMax < COMFORTABLE_XATTR_BYTES || bytesMax < 65_536) {
    return { topic, name, state: 'ok', value, consequence: 'what is larger is kept in the state folder' };
  }
  return { topic, name, state: 'ok', value };
}

function spaceFindings(topic: string): readonly Finding[] {
  const { bavail, blocks, bsize } = fs.statfsSync(topic, { bigint: true });
  const gib = (count: bigint): string => (Number(count * bsize) / 2 ** 30).toFixed(1);
  return [{ topic, name: 'free space', state: 'ok', value: `${gib(bavail)} of ${gib(blocks)} GiB` }];
}
