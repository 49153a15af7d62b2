/**
 * The keys of a session. [MS-SMB2] 3.3.5.5.3, 3.1.4.2
 */
import { assert } from '../base/assert.ts';
import { type DialectCrypto, dialectCryptoOf, parametersOf, SIGNING_KEY_BYTES } from './algorithms.ts';
import { deriveKey } from './kdf.ts';
import { secretBuffer, wipe } from './secret.ts';

/** The keys of one session, each in memory of its own. Whoever asked for them overwrites them. */
export interface SessionKeys {
  readonly signing: Buffer;
  /** What the client encrypts with; absent when the connection has no cipher. */
  readonly clientToServer: Buffer | undefined;
  /** What the server encrypts with; absent when the connection has no cipher. */
  readonly serverToClient: Buffer | undefined;
  readonly application: Buffer;
}

/** What the keys of a session are made of. */
export interface KeyInputs {
  /** DialectRevision of the connection. */
  readonly dialect: number;
  /** The whole session key that the authentication mechanism made. */
  readonly fullSessionKey: Buffer;
  /** The session's own hash of dialect 3.1.1: over everything up to the last SESSION_SETUP request. */
  readonly preauthHash?: Buffer | undefined;
  /** CipherId of the connection; absent when it has none. */
  readonly cipher?: number | undefined;
}

/** The one place where the keys of a session come from, for every dialect. */
export function deriveAllKeys(inputs: KeyInputs): SessionKeys {
  const dialect = dialectCryptoOf(inputs.dialect);
  const { cipher, fullSessionKey } = inputs;
  assert(fullSessionKey.length > 0, 'a session key exists');
  assert(cipher === undefined || dialect.ciphers.includes(cipher), 'the dialect has the cipher');
  const sessionKey = sessionKeyOf(fullSessionKey);
  if (dialect.keys === 'session-key') {
    return {
      signing: sessionKey,
      clientToServer: undefined,
      serverToClient: undefined,
      application: Buffer.concat([sessionKey]),
    };
  }
  const { signing, clientToServer, serverToClient, application } = labelsOf(dialect, inputs.preauthHash);
  // [MS-SMB2] 3.3.5.5.3: 256-bit ciphers derive from Session.FullSessionKey, everything else from its first 16 bytes.
  const cipherKeyBytes = cipher === undefined ? 0 : parametersOf(cipher).keyBytes;
  const cipherSource = cipherKeyBytes > SIGNING_KEY_BYTES ? fullSessionKey : sessionKey;
  const cipherKey = ({ label, context }: KeyLabel) =>
    cipher === undefined ? undefined : deriveKey(cipherSource, label, context, cipherKeyBytes);
  const keys = {
    signing: deriveKey(sessionKey, signing.label, signing.context, SIGNING_KEY_BYTES),
    clientToServer: cipherKey(clientToServer),
    serverToClient: cipherKey(serverToClient),
    application: deriveKey(sessionKey, application.label, application.context, SIGNING_KEY_BYTES),
  };
  wipe(sessionKey);
  return keys;
}

/** [MS-SMB2] 3.3.5.5.3: Session.SessionKey is the first 16 bytes, right-padded with zeros. */
function sessionKeyOf(fullSessionKey: Buffer): Buffer {
  const key = secretBuffer(SIGNING_KEY_BYTES);
  fullSessionKey.copy(key);
  return key;
}

interface KeyLabel {
  readonly label: string;
  readonly context: Buffer;
}

type KeyLabels = Readonly<Record<keyof SessionKeys, KeyLabel>>;

const fixedLabels: KeyLabels = {
  signing: { label: 'SMB2AESCMAC\0', context: Buffer.from('SmbSign\0') },
  clientToServer: { label: 'SMB2AESCCM\0', context: Buffer.from('ServerIn \0') },
  serverToClient: { label: 'SMB2AESCCM\0', context: Buffer.from('ServerOut\0') },
  application: { label: 'SMB2APP\0', context: Buffer.from('SmbRpc\0') },
};

function labelsOf(dialect: DialectCrypto, preauthHash: Buffer | undefined): KeyLabels {
  if (dialect.keys === 'fixed-labels') return fixedLabels;
  assert(preauthHash?.length === 64, 'dialect 3.1.1 derives from a pre-authentication hash');
  return {
    signing: { label: 'SMBSigningKey\0', context: preauthHash },
    clientToServer: { label: 'SMBC2SCipherKey\0', context: preauthHash },
    serverToClient: { label: 'SMBS2CCipherKey\0', context: preauthHash },
    application: { label: 'SMBAppKey\0', context: preauthHash },
  };
}
