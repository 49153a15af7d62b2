/**
 * Changes that a client sends again on another channel of its session when the one is lost on which it sent them: whatever became
 * of the first, they are to be done once, and not after what comes later. [MS-SMB2] 3.3.5.2.10, 3.3.5.9.10, 3.3.5.14
 */
import { NtStatus } from '../base/status.ts';
import { Command, HeaderFlags } from '../wire/smb2/header.ts';
import { ConnectionClosedError, type SentRequest } from './client-connection.ts';
import type { ClientResponse } from './client-message.ts';
import type { TestTree } from './client-tree.ts';

/** The way to the other channels. */
export interface ReplayRoute {
  /** The tree connect on a channel that is not lost, as far as anybody knows. */
  survivor(): TestTree | undefined;
  /** Before something is sent again that the server could not do yet, `times` times so far. */
  pause(times: number): Promise<void>;
  /** A change is about to be sent on `tree` for the first time. */
  sending?(tree: TestTree, command: Command): void;
  /** Sends again what is lost as if it were new, which is wrong: for tests that are to notice. */
  readonly isBlind?: boolean;
}

/** What is to be done once: a WRITE, SET_INFO or IOCTL, a CREATE with a CreateGuid, a LOCK with a LockSequence, or a CLOSE. */
export interface Change {
  readonly command: Command;
  readonly body: Buffer;
  readonly payloadBytes?: number;
  /** Called when it is about to be sent again because its channel was lost. */
  again?(): void;
  /** Called with each request that is sent for it. */
  sent?(request: SentRequest): void;
}

/** How a change ended. */
export interface Changed {
  readonly response: ClientResponse;
  /** Where it was answered. */
  readonly on: TestTree;
  /** It was sent more than once. */
  readonly isReplay: boolean;
}

/** Sends `change` on `tree`, and on other channels as long as there are any. Rejects with ConnectionClosedError when none is left. */
export async function sendChange(tree: TestTree, change: Change, route: ReplayRoute): Promise<Changed> {
  const { command, body, payloadBytes = 0 } = change;
  let on = tree;
  if (tree.session.connection.isClosed) on = failOver(route) ?? tree;
  route.sending?.(on, command);
  let pauseCount = 0;
  for (let isReplay = false; ; isReplay = true) {
    const flags = isReplay && route.isBlind !== true ? HeaderFlags.REPLAY_OPERATION : 0;
    try {
      const request = on.send(command, body, { payloadBytes, header: { flags } });
      change.sent?.(request);
      const response = await request.response;
      if (!isReplay || response.status !== stillUnderWay(command)) return { response, on, isReplay };
      await route.pause(pauseCount++);
    } catch (error) {
      const next = error instanceof ConnectionClosedError ? failOver(route) : undefined;
      if (next === undefined) throw error;
      change.again?.();
      on = next;
    }
  }
}

/** What a replay is told while the first request, or another of its time, is still under way. */
function stillUnderWay(command: Command): NtStatus {
  return command === Command.CREATE ? NtStatus.ACCESS_DENIED : NtStatus.FILE_NOT_AVAILABLE;
}

/** [MS-SMB2] 3.2.4.1.8: what is sent from now on is from after the loss. */
function failOver(route: ReplayRoute): TestTree | undefined {
  const next = route.survivor();
  if (next !== undefined && route.isBlind !== true) next.session.channelSequence.value += 1;
  return next;
}
