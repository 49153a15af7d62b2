/**
 * The stores that are held against the one in memory.
 */
import { createFsFromVolume, Volume } from 'memfs';
import { localBackend } from '../../../src/backend/local.ts';
import { memoryBackend } from '../../../src/backend/memory.ts';
import { fromNodeFs } from '../../../src/backend/node-fs.ts';
import { makeFolder, removeFolder } from '../folder.ts';
import type { Pair } from './compare.ts';

const plainNames = ['a', 'b', 'c', 'é', 'e\u0301'];

/** The local folder with its metadata in extended attributes, where the file system has them, or beside the folder. */
function localPair(name: string, metadata: 'auto' | 'side-store'): Pair {
  return {
    name,
    common: { names: [...plainNames, '\ud800'], hasMetadata: true, hasStreams: true, hasTimes: true },
    open() {
      const folder = makeFolder();
      const options = { stateDirectory: folder.state, metadata, directoryCountMax: 5 };
      return {
        oracle: memoryBackend(),
        judged: localBackend(folder.root, options),
        dispose: () => removeFolder(folder),
      };
    },
  };
}

export const pairs: readonly Pair[] = [
  localPair('local', 'auto'),
  localPair('side-store', 'side-store'),
  {
    name: 'memfs',
    common: { names: plainNames, hasMetadata: false, hasStreams: false, hasTimes: false },
    open() {
      const volume = new Volume();
      volume.mkdirSync('/share');
      return {
        oracle: memoryBackend(),
        judged: fromNodeFs(createFsFromVolume(volume), { root: '/share' }),
        dispose: () => {},
      };
    },
  },
];
