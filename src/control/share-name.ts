/**
 * Which names a share may have.
 */
import { printable } from '../base/log.ts';

/** UTF-16 units of a share's name. [MS-SRVS] 2.2.4.23: Windows refuses more. */
export const shareNameCharsMax = 80;

const forbidden = /[\\/[\]:|<>+=;,*?"]/u;
const control = /\p{Cc}/u;
const reserved = new Set(['ipc$', 'pipe', 'mailslot']);

/** What is wrong with `name` as a share's name, with the fix; undefined when nothing is. */
export function shareNameProblem(name: string): string | undefined {
  const shown = printable(name, 40);
  if (name.trim() === '') return 'a share needs a name: give it one, such as "files"';
  if (name.length > shareNameCharsMax) {
    return `the share name "${shown}" has ${name.length} characters: use at most ${shareNameCharsMax}`;
  }
  const bad = forbidden.exec(name)?.[0];
  if (bad !== undefined) {
    return `the share name "${shown}" must not hold "${bad}": leave out \\ / [ ] : | < > + = ; , * ? and "`;
  }
  if (control.test(name)) return `the share name "${shown}" holds a control character: leave it out`;
  if (name !== name.trim()) return `the share name "${shown}" begins or ends with a space: leave it out`;
  if (reserved.has(name.toLowerCase())) {
    return `the share name "${shown}" is reserved by the protocol: choose another`;
  }
  return undefined;
}

/** Names are compared without regard to case. */
export function shareKey(name: string): string {
  return name.toLowerCase();
}
