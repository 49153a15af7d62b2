/**
 * Names of extended attributes: what stands for streams and for EAs of clients as in Samba, and what is nobody's business
 * but the server's.
 */
import { diskName, nameOnDisk } from './local-name.ts';

/** DOS attributes and creation time; see samba-dosattrib.ts. */
export const dosAttribName = 'user.DOSATTRIB';
/** Security descriptors; see samba-ntacl.ts. The second where the first may not be set. */
export const ntAclNames = Object.freeze({ privileged: 'security.NTACL', unprivileged: 'user.NTACL' });

const userPrefix = 'user.';
const streamPrefix = 'user.DosStream.';
const streamSuffix = ':$DATA';
/** What this server keeps and Samba does not know. */
const ownPrefix = 'user.smbkit.';
/** Names of the contract that no client can say. */
const ownEaPrefix = 'SMBKIT:';

/** Of Samba and of the servers whose data it understands, without `user.` and in upper case. */
const privateNames = new Set([
  'DOSATTRIB',
  'NTACL',
  'SAMBA_PAI',
  'SAMBA_STREAMS',
  'DOSEAS',
  'DOSSTREAMS',
  'ORG.NETATALK.METADATA',
  'ORG.NETATALK.RESOURCEFORK',
]);
const privatePrefixes = ['DOSSTREAM.', 'SMBKIT.'];

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what no EA has in its name
const notInEaNames = /["*+,/:;<=>?[\\\]|\u0000-\u001f\u0100-\uffff]/;

/** The attribute that holds the stream. */
export function attributeOfStream(stream: string): string | Buffer {
  return diskName(`${streamPrefix}${stream}${streamSuffix}`);
}

/** The stream that the attribute (one character for each byte) holds. */
export function streamOfAttribute(attribute: string): string | undefined {
  if (!attribute.startsWith(streamPrefix) || !attribute.endsWith(streamSuffix)) return undefined;
  const name = nameOnDisk(attribute.slice(streamPrefix.length, -streamSuffix.length));
  return name === '' ? undefined : name;
}

/** The EA that the attribute (one character for each byte) holds; `undefined` for what is no EA. */
export function eaOfAttribute(attribute: string): string | undefined {
  if (attribute.startsWith(ownPrefix)) return ownEaPrefix + attribute.slice(ownPrefix.length).toUpperCase();
  if (!attribute.startsWith(userPrefix)) return undefined;
  const name = nameOnDisk(attribute.slice(userPrefix.length))?.toUpperCase();
  if (name === undefined || name === '' || notInEaNames.test(name) || isPrivateEa(name)) return undefined;
  return name;
}

/** The attribute for an EA that has none yet. */
export function attributeOfEa(name: string): string {
  if (name.startsWith(ownEaPrefix)) return ownPrefix + name.slice(ownEaPrefix.length).toLowerCase();
  return userPrefix + name;
}

/** True for names (in upper case) that clients neither see nor change. */
export function isPrivateEa(name: string): boolean {
  return privateNames.has(name) || privatePrefixes.some((prefix) => name.startsWith(prefix));
}
