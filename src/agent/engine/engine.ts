/** The port to the container engine of a node: one operation, one outcome; "already so" is success. */

import type { Health, Probe } from '../../model/health.ts';
import type { EngineDescription } from '../../model/node.ts';
import type { RegistryLogin } from '../../model/registry.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { ContainerStats, ExecOptions, LogLine, LogOptions, Output, TerminalSize } from '../../model/stream.ts';

/** Whose containers an engine handle sees and touches: nothing else is ever listed, stopped or removed. */
export type EngineScope = { clusterId: string; clusterName: string; node: string };

export type RunRequest = {
  container: string;
  service: string;
  slot: number;
  generation: number;
  specHash: string;
  /** The run that the agent started it in place of, by itself. */
  replaces?: string | undefined;
  spec: ContainerSpec;
  /** What it is created from: the image of the spec, or that image by its digest. */
  image: string;
  /** Environment with secrets already read. Never logged. */
  env: readonly { name: string; value: string }[];
};

export type PublishedPort = { container: number; host: number; protocol: 'tcp' | 'udp' };

export type EngineContainer = {
  container: string;
  service: string;
  slot: number;
  generation: number;
  specHash: string;
  /** The run that the agent started it in place of, by itself; null: a manager asked for it. */
  replaces: string | null;
  engineContainerId: string;
  state: 'created' | 'running' | 'exited';
  exitCode: number | null;
  oomKilled: boolean;
  /** ISO 8601; null before the start. */
  startedAt: string | null;
  /** The engine's own words when it could not start it; '' when there are none. */
  error: string;
  ports: PublishedPort[];
  /** It runs and gets no time, by a command to the engine. */
  isPaused: boolean;
  /** Of the image it was created from; null: that was not named by its digest. */
  imageDigest: string | null;
  /** By the check that the engine makes itself; null: it makes none. */
  health: EngineHealth | null;
};

/** `output`: what the check printed last; '' when it has not run. */
export type EngineHealth = { status: Health; output: string };

/** `output`: what was answered, or why there was no answer. At most 4 KiB. */
export type ProbeResult = { isHealthy: boolean; output: string };

/** `reason`: why it has no digest, a sentence; null when it has one. */
export type FoundImage = { digest: string | null; reason: string | null };

/** Passwords are used for the one pull, and kept nowhere. */
export type PullLogin = RegistryLogin & { host: string; version: number };

/** `isAlways`: the registry is asked even if the image is there. */
export type PullOptions = { login: PullLogin | null; isAlways: boolean };

export const pullDefaults: PullOptions = Object.freeze({ login: null, isAlways: false });

export type PullProgress = { currentBytes: number; totalBytes: number };

/**
 * `container`: something happened to it, look. `lost`: hints may have been missed, list everything; said each time
 * the event stream begins, so a list taken then misses nothing.
 */
export type EngineHint = { kind: 'container'; container: string } | { kind: 'lost' };

/** @param mask applied before anything is cut, so that no half of what it takes out is left */
export type LogsHow = { mask: (text: string) => string; signal: AbortSignal };

/** A command that runs inside a container. */
export type EngineExec = {
  /** Until the command ends; once. */
  output(): AsyncIterable<{ output: Output; bytes: Buffer }>;
  /** Resolves when the engine has taken it. */
  write(bytes: Buffer): Promise<void>;
  endInput(): void;
  resize(size: TerminalSize): Promise<void>;
  /** After its output; null: the engine does not say. */
  exitCode(): Promise<number | null>;
  /** Lets go of it. Its input ends, and a command that ignores that runs on, as with the engine's own client. */
  close(): void;
};

/**
 * Every call has a deadline of its own. Besides the errors named here each may throw AppError `engine_unavailable`
 * (retryable): no answer in time or no connection; what was asked may have happened.
 */
export type Engine = {
  /** Does it answer? */
  ping(): Promise<void>;
  describe(signal?: AbortSignal): Promise<EngineDescription>;
  /** Own containers of this scope, also exited ones, ordered by container id. */
  list(): Promise<EngineContainer[]>;
  /** null: the engine has no such container of ours. */
  inspect(container: string): Promise<EngineContainer | null>;
  /** null: it is not there. Contacts no registry. */
  findImage(image: string): Promise<FoundImage | null>;
  /**
   * @param how default: without a login
   * @throws AppError `image_pull_failed` with the registry's own words (details.isRefused: without another login it will fail again)
   */
  pull(
    image: string,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
    how?: PullOptions,
  ): Promise<void>;
  /**
   * Creates, or adopts one of the same name with our labels and the same spec hash.
   * Contacts no registry.
   * @throws AppError `image_missing` · `container_create_failed` · `container_name_taken` (not ours, or another spec)
   */
  create(request: RunRequest): Promise<EngineContainer>;
  /** Already running is success. @throws AppError `container_start_failed` with the engine's words */
  start(container: string): Promise<EngineContainer>;
  /** SIGTERM, then SIGKILL after the time. Already stopped or gone is success. */
  stop(container: string, timeoutSeconds: number): Promise<void>;
  /** Removes with its anonymous volumes, killing it when it still runs. Already gone is success. */
  remove(container: string): Promise<void>;
  /** What the container was created with, secrets included: to find them in its words. Empty when the engine has it no more. */
  environment(container: string): Promise<{ name: string; value: string }[]>;
  /**
   * Last lines of stdout and stderr in their order, at most `lines` and 4 KiB together.
   * @param mask applied before anything is cut, so that no half of what it takes out is left
   */
  logTail(container: string, lines: number, mask: (text: string) => string): Promise<string[]>;
  /**
   * What it printed, oldest first, in batches as they come: all there is, and what follows until its end when that is wanted.
   * Ends at once when the engine has no such container. Reads on only as far as it is taken.
   */
  logs(container: string, options: LogOptions, how: LogsHow): AsyncIterable<LogLine[]>;
  /** @throws AppError `container_not_running` · `exec_failed` with the engine's words */
  exec(container: string, options: ExecOptions): Promise<EngineExec>;
  /** Takes a second or two. @throws AppError `container_not_running` */
  stats(container: string): Promise<ContainerStats>;
  /** Asks the container once, at its own address, within the time-out of the probe. No answer is a result. */
  probe(container: string, probe: Probe, signal: AbortSignal): Promise<ProbeResult>;
  /** Hints until the signal aborts; reconnects by itself. */
  watch(onHint: (hint: EngineHint) => void, signal: AbortSignal): void;
  close(): Promise<void>;
};
