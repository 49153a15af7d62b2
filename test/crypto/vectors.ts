/**
 * The published known answers, with types.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const hex = z
  .string()
  .regex(/^(?:[0-9a-f]{2})*$/)
  .transform((text) => Buffer.from(text, 'hex'));
const pair = z.tuple([z.string(), z.string()]);
const keys = z.object({ sign: hex, c2s: hex, s2c: hex, app: hex });

const smb30Keys = z.object({
  cases: z.array(
    z.object({ note: z.string(), session_key: hex, signing: hex, c2s: hex, s2c: hex, application: hex }),
  ),
});

const messageNames = ['neg_req', 'neg_rsp', 'ss1_req', 'ss1_rsp', 'ss2_req', 'ss2_rsp'] as const;
export type MessageName = (typeof messageNames)[number];

const checksums = z.tuple([hex, hex, hex]);
const channel = z.object({
  messages: z.record(z.enum(messageNames), hex),
  preauth_after: z.record(z.string(), hex),
  ntlm: z.object({
    nthash: hex,
    ntowfv2: hex,
    proof_ok: z.literal(true),
    sbk: hex,
    exported: hex,
    mic_ok: z.literal(true),
    mic: hex,
    c2s: checksums,
    s2c: checksums,
    rest: hex,
  }),
  keys,
  signatures: z.partialRecord(z.enum(messageNames), pair),
});
export type ChannelVector = z.infer<typeof channel>;

const capture = z.object({
  session_key: hex,
  messages: z.array(z.tuple([z.enum(['c2s', 's2c']), hex])).length(8),
  keys,
  preauth: hex.optional(),
  signed: z.object({
    message_index: z.number(),
    algorithm: z.enum(['cmac', 'gmac']),
    signature: hex,
    nonce: hex.optional(),
  }),
  decrypted_6_7: z.tuple([hex, hex]),
});

const blog = z.object({
  session_key: hex,
  preauth: hex.optional(),
  c2s: hex,
  s2c: hex,
  plain_request: hex,
  transform_request: hex,
  transform_response: hex,
  plain_response: hex,
});

const nlmp = z.object({
  user: z.string(),
  domain: z.string(),
  password: z.string(),
  server_name: z.string(),
  workstation: z.string(),
  wrap_plaintext_utf16: z.string(),
  time: hex,
  server_challenge: hex,
  client_challenge: hex,
  random_session_key: hex,
  target_info: hex,
  temp: hex,
  ntowfv1: hex,
  lmowfv1: hex,
  ntowfv2: hex,
  nt_proof: hex,
  lmv2: hex,
  session_base_key_is_kxkey: hex,
  encrypted_random_session_key: hex,
  signkey_c2s: hex,
  signkey_s2c: hex,
  sealkey_c2s_128: hex,
  sealkey_s2c_128: hex,
  sealkey_c2s_56: hex,
  sealkey_s2c_56: hex,
  sealkey_c2s_40: hex,
  sealkey_s2c_40: hex,
  wrap_data: hex,
  wrap_signature: hex,
  wrap_signature_without_key_exch: hex,
  challenge_message: hex,
  authenticate_message: hex,
});

const schema = z.object({
  smb30_keys: smb30Keys,
  smb311_multichannel: z.object({
    session_id: z.string().transform(Number),
    password: z.string(),
    user: z.string(),
    domain: z.string(),
    channel1: channel,
    channel2: channel,
  }),
  wireshark_captures: z.object({ cases: z.record(z.string(), capture) }),
  encryption_blogs: z.object({ smb30: blog, smb311: blog }),
  signing: z.object({
    cases: z.array(
      z.object({
        dialect: z.enum(['2.0.2', '2.1', '3.0']),
        algorithm: z.enum(['hmac-sha256', 'cmac']),
        session_key: hex.optional(),
        key: hex,
        message: hex,
      }),
    ),
    gmac_computed: z.object({
      key: hex,
      message: hex,
      nonce_cancel_request: hex,
      signature_cancel_request: hex,
      nonce_if_not_cancel: hex,
      signature_if_not_cancel: hex,
    }),
    smb_rs_311_key: z.object({ session_key: hex, preauth: hex, signing: hex }),
  }),
  kdf_extra: z.object({
    third_party: z.array(z.object({ key: hex, label: z.string(), context: hex, L: z.number(), out: hex })),
    kerberos_full_session_key_computed: z.object({
      full_session_key: hex,
      session_key: hex,
      preauth: hex,
      sign: hex,
      c2s: hex,
      s2c: hex,
      app: hex,
    }),
  }),
  nist_sp800_108_ctr_sha256: z.object({ cases: z.array(z.tuple([hex, hex, hex])) }),
  primitives: z.object({
    md4_rfc1320: z.array(z.tuple([hex, hex])),
    rc4_rfc6229_first16: z.array(z.tuple([hex, hex])),
    aes_cmac_rfc4493: z.object({
      key: hex,
      k1: hex,
      k2: hex,
      message: hex,
      mac_by_length: z.record(z.string(), hex),
    }),
    aes_gcm: z.object({ cases: z.array(z.tuple([hex, hex, hex, hex, hex])) }),
    aes_gmac: z.object({ cases: z.array(z.tuple([hex, hex, hex, hex])) }),
    aes_ccm: z.object({
      cases: z.array(z.tuple([hex, hex, hex, hex, z.number().or(z.string().transform(Number)), hex])),
    }),
    hmac: z.array(z.tuple([z.enum(['sha256', 'md5']), hex, hex, hex])),
  }),
  ms_nlmp_4_2_4: nlmp,
  spnego_mechlistmic: z.object({ exported_session_key: hex, mech_types_der: hex, client_mic: hex }),
});

/** The cipher of each capture, by its name. */
export const captureCiphers: ReadonlyMap<string, number> = new Map([
  ['smb300-aes-128-ccm', 1],
  ['smb311-aes-128-ccm', 1],
  ['smb311-aes-128-gcm', 2],
  ['smb311-aes-256-ccm', 3],
  ['smb311-aes-256-gcm', 4],
]);

const file = new URL('../vectors/smb-vectors.json', import.meta.url);

/** Every vector that concerns keys, hashes, signatures, encryption and NTLM. */
export const vectors = schema.parse(JSON.parse(readFileSync(file, 'utf8')));
