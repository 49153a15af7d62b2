/**
 * What the bodies of all messages have in common.
 */
import { HEADER_BYTES } from './header.ts';

/** Options of a body: its offsets count from the header. [MS-SMB2] 2.2 */
export const body = { base: HEADER_BYTES };
