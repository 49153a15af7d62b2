/**
 * What single leaves need beyond the facts gathered from Samba.
 */

export interface LeafSetting {
  /** Leaf or suite; `*` stands for anything. */
  readonly pattern: string;
  /** Shares that the leaf opens by a name fixed in its source. */
  readonly otherShares?: readonly string[];
  /** `torture:` options and the like. */
  readonly options?: readonly string[];
  /** The same, against smbkit alone; later ones win. */
  readonly ownOptions?: readonly string[];
  readonly limitSeconds?: number;
  /** Port fixed in the leaf's source. */
  readonly port?: number;
  /** The leaf measures time and is run with nothing beside it. */
  readonly isAlone?: boolean;
  /** It sends control codes that no product answers: the server is torture-server.ts. */
  readonly needsControlCodes?: boolean;
  /** The share it is run on, where that is none of its source's. */
  readonly share?: string;
  /** The server is prepared-server.ts, which has something in that share. */
  readonly isPrepared?: boolean;
  /** Samba's set-up could not let it judge; ours can. */
  readonly judges?: boolean;
}

/** When the snapshot of the prepared share was taken, in milliseconds since 1970. */
export const preparedSnapshot: number = Date.UTC(2026, 0, 31, 13, 5, 59);

export const leafSettings: readonly LeafSetting[] = [
  { pattern: 'smb2.acls.ACCESSBASED', otherShares: ['hideunread'] },
  // Where smbkit keeps what is its own.
  { pattern: 'smb2.ea.acl_xattr', ownOptions: ['torture:acl_xattr_name=smbkit:acl'] },
  { pattern: 'smb2.ioctl.bug14788', otherShares: ['noperm'] },
  { pattern: 'smb2.ioctl.bug14607', needsControlCodes: true },
  { pattern: 'smb2.ioctl.bug14769', needsControlCodes: true },
  { pattern: 'smb2.multichannel.bugs.bug_15346', port: 445 },
  { pattern: 'smb2.multichannel.leases', needsControlCodes: true },
  { pattern: 'smb2.multichannel.oplocks', needsControlCodes: true },
  { pattern: 'smb2.oplock.batch22b', needsControlCodes: true },
  { pattern: 'smb2.read.bug14607', needsControlCodes: true },
  { pattern: 'smb2.replay.dhv2-pending3*', needsControlCodes: true },
  { pattern: 'smb2.bench', options: ['torture:timelimit=3', 'torture:progress=no', 'torture:nprocs=2'] },
  // Two requests must be answered within 15 ms.
  { pattern: 'smb2.timestamp_resolution', isAlone: true },
  { pattern: 'smb2.secleak', options: ['torture:timelimit=5'] },
  { pattern: 'smb2.session-require-signing', judges: true },
  { pattern: 'smb2.replay.replay5', share: 'available' },
  { pattern: 'smb2.change_notify_disabled', share: 'unwatched', judges: true },
  { pattern: 'smb2.aio_delay', share: 'delayed_reads', isPrepared: true },
  {
    pattern: 'smb2.twrp',
    share: 'snapshots',
    isPrepared: true,
    judges: true,
    options: [
      'torture:twrp_file=file',
      'torture:twrp_stream=stream',
      'torture:twrp_stream_size=8',
      'torture:twrp_snapshot=@GMT-2026.01.31-13.05.59',
    ],
  },
  ...['smb2.set-sparse-ioctl', 'smb2.zero-data-ioctl', 'smb2.check-sharemode'].map((pattern) => ({
    pattern,
    share: 'one_file',
    isPrepared: true,
    judges: true,
    options: ['torture:filename=file', 'torture:offset=4096', 'torture:beyond_final_zero=8192'],
  })),
];

/** Settings of smbkit's shares that leaves expect of shares with these names. */
export const shareSettings: ReadonlyMap<string, Readonly<Record<string, unknown>>> = new Map([
  ['hideunread', { accessBasedEnumeration: true }],
  ['dosmode', { hiddenNames: ['.*', 'hidefile'] }],
  ['no_streams', { streams: false }],
  ['acls_non_canonical', { keepAutoInherited: true }],
  ['available', { continuousAvailability: true }],
  ['unwatched', { changeNotify: false }],
]);

/** Shares that are folders always: what is kept in memory does not outlive a server. */
export const folderShares: ReadonlySet<string> = new Set(['available']);
