import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Backend } from '../../src/backend/contract.ts';
import { localBackend } from '../../src/backend/local.ts';
import { backendContract } from '../../src/testing/backend-contract.ts';
import { makeFolder } from './folder.ts';

const dispose = (backend: Backend): void => fs.rmSync(path.dirname(backend.name), { recursive: true });

backendContract(
  'local with everything in the side store',
  () => {
    const { root, state } = makeFolder();
    return localBackend(root, { stateDirectory: state, metadata: 'side-store' });
  },
  { test, dispose },
);
