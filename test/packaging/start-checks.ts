/**
 * The service has started, as whom, and where it listens.
 */
import { demand } from './report.ts';
import type { Scene } from './scene.ts';

export async function checkStart({ report, container, service }: Scene): Promise<void> {
  await report.check('systemd-analyze verify has nothing to say', async () => {
    const { exitCode, output } = await container.tried(['systemd-analyze', 'verify', 'smbkit.service']);
    demand(exitCode === 0 && output.trim() === '', output);
    return '';
  });
  await report.check('is active', async () => {
    const states = [];
    for (const name of ['Type', 'ActiveState', 'SubState', 'NRestarts'])
      states.push(await service.property(name));
    demand(states.join(' ') === 'exec active running 0', states.join(' '));
    return '';
  });
  await report.check('listens on port 445 as a user without privileges', async () => {
    const listener = await service.listener();
    const pid = await service.property('MainPID');
    demand(listener.includes('0.0.0.0:445') && listener.includes(`pid=${pid},`), listener);
    const user = (await container.run(['id', '--user', 'smbkit'])).trim();
    const users = await service.status('Uid');
    demand(user !== '0' && users.split(/\s+/).every((one) => one === user), `Uid: ${users}`);
    return `user ${user}`;
  });
}
