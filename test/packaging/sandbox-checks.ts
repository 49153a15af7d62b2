/**
 * What the service may do, and that nothing it needs is among what it may not.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { demand } from './report.ts';
import type { Scene } from './scene.ts';
import { type Service, sharedFolder } from './service.ts';

/** CAP_NET_BIND_SERVICE is the tenth. */
const bindOnly = (1n << 10n).toString(16).padStart(16, '0');

/** What the probe may do in the sandbox; out of it, the same user may do all. */
const permitted = ['/srv/smbkit', '/var/lib/smbkit', '/var/log/smbkit', '/tmp'].map(
  (folder) => `write to ${folder}`,
);

/** What is otherwise in the sandbox, by design. */
const changed: ReadonlyMap<string, string> = new Map([
  ['network port 445', 'permitted inside by the capability'],
  ['limits open files', 'raised by LimitNOFILE'],
]);

export async function checkSandbox(scene: Scene): Promise<void> {
  const { report, container, service } = scene;
  await report.check('has one capability, no new privileges and a filter of system calls', async () => {
    const wanted = {
      CapInh: bindOnly,
      CapPrm: bindOnly,
      CapEff: bindOnly,
      CapBnd: bindOnly,
      CapAmb: bindOnly,
    };
    for (const [field, value] of Object.entries({ ...wanted, NoNewPrivs: '1', Seccomp: '2' })) {
      const found = await service.status(field);
      demand(found === value, `${field} is ${found}`);
    }
    return 'CAP_NET_BIND_SERVICE';
  });
  await report.check('writes where it should, and sees and does nothing else that its user could', () =>
    probe(scene),
  );
  await report.check('smbkit doctor finds in the sandbox what it finds outside', () => examine(service));
  await report.check('systemd-analyze security is content', async () => {
    const text = await container.run([
      'systemd-analyze',
      'security',
      '--threshold=20',
      '--no-pager',
      'smbkit.service',
    ]);
    return /Overall exposure level.*: (.*\S)/.exec(text)?.[1] ?? '';
  });
}

async function probe({ container, service }: Scene): Promise<string> {
  const script = readFileSync(join(import.meta.dirname, 'probe.sh'), 'utf8');
  const file = '/etc/smbkit/probe.sh';
  await container.run(['sh', '-c', `cat > ${file}`], { input: script });
  const outside = answers(await service.outsideSandbox(`sh ${file}`));
  const inside = answers(await service.inSandbox('smbkit-probe', `/bin/sh ${file}`));
  // What its user could not do anyway says nothing about the sandbox.
  const impossible = [...outside].filter(([, answer]) => answer === 'no').map(([what]) => what);
  demand(outside.size > 0 && impossible.length === 0, `without a sandbox it cannot ${impossible.join(', ')}`);
  for (const what of outside.keys()) {
    const wanted = permitted.includes(what) ? 'yes' : 'no';
    demand(inside.get(what) === wanted, `${what}: ${inside.get(what) ?? 'not tried'}`);
  }
  return `${outside.size - permitted.length} things refused`;
}

function answers(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/^(yes|no) (.*)$/gm)].map((match) => [match[2] ?? '', match[1] ?? '']));
}

async function examine(service: Service): Promise<string> {
  // The service has the port that is asked about.
  await service.systemctl('stop', 'smbkit');
  const inside = findings(
    await service.inSandbox('smbkit-doctor', `/usr/bin/smbkit doctor --json ${sharedFolder}`),
  );
  const outside = findings(await service.outsideSandbox(`smbkit doctor --json ${sharedFolder}`));
  demand(
    inside.get('native native calls') === 'ok "on"',
    `native calls: ${inside.get('native native calls')}`,
  );
  demand(inside.get('network port 445')?.startsWith('ok') === true, 'port 445 is not permitted');
  await service.systemctl('start', 'smbkit');
  await service.listening();
  const others = [...outside].filter(([what, found]) => inside.get(what) !== found).map(([what]) => what);
  const unknown = others.filter((what) => !changed.has(what));
  demand(inside.size === outside.size && unknown.length === 0, `otherwise inside: ${unknown.join(', ')}`);
  return `${inside.size} findings; otherwise: ${others.map((what) => `${what} (${changed.get(what)})`).join(', ')}`;
}

/** The findings of `smbkit doctor --json` that do not change from run to run. */
function findings(text: string): ReadonlyMap<string, string> {
  const line = text.split('\n').find((one) => one.includes('"examined"')) ?? '{}';
  const event: unknown = JSON.parse(line);
  const found = new Map<string, string>();
  const list = typeof event === 'object' && event !== null && 'findings' in event ? event.findings : [];
  demand(Array.isArray(list) && list.length > 0, `smbkit doctor said: ${text}`);
  for (const { topic, name, state, value } of list) {
    const isSteady = topic !== 'cryptography' && name !== 'free space';
    if (isSteady) found.set(`${topic} ${name}`, `${state} ${JSON.stringify(value)}`);
  }
  return found;
}
