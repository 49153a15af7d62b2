/**
 * Changes that a client sends again on another channel of its session when the one is lost on which it sent them: whatever became
 * of the first, they are to be done once, and not after what comes later. [MS-SMB2] 3.3.5.2.10
 */
import { NtStatus } from '../base/status.ts';
import { type Command, HeaderFlags } from '../wire/smb2/header.ts';
import { ConnectionClosedError } from './client-connection.ts';
import type { ClientResponse } from './client-message.ts';
import type { TestTree } from './client-tree.ts';

/** The way to the other channels. */
export interface ReplayRoute {
  /** The tree connect on a channel that is not lost, as far as anybody knows. */
  survivor(): TestTree | undefined;
  /** Before something is sent again that the server cannot do yet. */
  pause(): Promise<void>;
  /** Sends again what is lost as if it were new, which is wrong: for tests that are to notice. */
  readonly isBlind?: boolean;
}

/** A change of an open. */
export interface Change {
  readonly command: Command;
  readonly body: Buffer;
  readonly payloadBytes: number;
  /** Called when it is about to be sent again. */
  again?(): void;
}

/** Sends `change` on `tree`, and on other channels as long as there are any. Rejects with ConnectionClosedError when none is left. */
export async function sendChange(
  tree: TestTree,
  { command, body, payloadBytes, again }: Change,
  route: ReplayRoute,
): Promise<ClientResponse> {
  let on = tree;
  for (let isReplay = false; ; isReplay = true) {
    const flags = isReplay && route.isBlind !== true ? HeaderFlags.REPLAY_OPERATION : 0;
    try {
      const response = await on.request(command, body, { payloadBytes, header: { flags } });
      if (!isReplay || response.status !== NtStatus.FILE_NOT_AVAILABLE) return response;
      // The first one, or another of its time, is still under way.
      await route.pause();
    } catch (error) {
      const next = error instanceof ConnectionClosedError ? route.survivor() : undefined;
      if (next === undefined) throw error;
      again?.();
      on = next;
      if (route.isBlind !== true) on.session.channelSequence.value += 1;
    }
  }
}
