import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { localBackend } from '../../src/backend/local.ts';
import { backendContract } from '../../src/testing/backend-contract.ts';

const fresh = (): string => fs.mkdtempSync(path.join(os.tmpdir(), 'smbkit-local-'));
const dispose = (backend: { name: string }): void =>
  fs.rmSync(path.dirname(backend.name), { recursive: true });

function folder(): { root: string; state: string } {
  const base = fresh();
  const [root, state] = [path.join(base, 'root'), path.join(base, 'state')];
  fs.mkdirSync(root);
  return { root, state };
}

backendContract('local', () => localBackend(folder().root), { test, dispose });

backendContract(
  'local with a state directory',
  () => {
    const { root, state } = folder();
    return localBackend(root, { stateDirectory: state });
  },
  { test, dispose },
);
