import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { statusName } from '../../../src/base/status.ts';
import { controlDecisions } from '../../../src/server/commands/ioctl-table.ts';
import { Fsctl } from '../../../src/wire/fscc/fsctl-table.ts';

const place = new URL('../../../docs/protocol/control-codes.md', import.meta.url);
const nameOf = new Map(Object.entries(Fsctl).map(([name, code]) => [code, name]));

/** The table for people. */
function reference(): string {
  const lines = controlDecisions.map(([code, says, { refusal }]) => {
    const answer = refusal === undefined ? 'answered' : `\`${statusName(refusal)}\``;
    return `| \`FSCTL_${nameOf.get(code)}\` | \`0x${code.toString(16).padStart(8, '0')}\` | ${answer} | ${says} |`;
  });
  return `# Control codes

What becomes of each FSCTL that clients are known to send. Any other is answered \`STATUS_INVALID_DEVICE_REQUEST\`. Written from
\`src/server/commands/ioctl-table.ts\` by \`SMBKIT_TEST_UPDATE=1 node --test test/server/commands/control-codes.test.ts\`.

| code | number | answer | what it does, or why not |
| --- | --- | --- | --- |
${lines.join('\n')}
`;
}

describe('control codes', () => {
  it('are decided upon, each once', () => {
    const decided = controlDecisions.map(([code]) => code);
    assert.equal(new Set(decided).size, decided.length);
    const open = [...nameOf].filter(([code]) => !decided.includes(code)).map(([, name]) => name);
    assert.deepEqual(open, []);
  });

  it('are told of in docs/protocol/control-codes.md', () => {
    if (process.env['SMBKIT_TEST_UPDATE'] === '1') writeFileSync(place, reference());
    assert.equal(readFileSync(place, 'utf8'), reference());
  });
});
