/** The command `coctl edit`: the spec of a service in an editor, and the change that comes of it. */

import { isDeepStrictEqual } from 'node:util';
import type { Command } from 'commander';
import { AppError, hasCode } from '../../../errors.ts';
import { formatSpec, parseSpec, withHead, withoutHead } from '../../compose/spec-text.ts';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { type Supposed, specDiffLines, supposedLines } from '../../output/spec-diff.ts';
import { type Api, createApi } from '../../sources/api.ts';
import { type Draft, editorOf, openDraft } from '../../sources/editor.ts';
import { type ServiceDetail, specOf } from '../../sources/service-spec.ts';
import type { ServiceRequest } from '../../sources/spec-options.ts';
import { checkServiceName } from '../../sources/subject-name.ts';
import {
  addChangeOptions,
  type Change,
  type ChangeOptions,
  followChanges,
  type Made,
  reportOutcome,
  submitChanges,
  timeoutOf,
} from './change.ts';

export function addEditCommand(program: Command, context: CliContext): void {
  const command = program
    .command('edit <service>')
    .description('Opens the spec of a service in $VISUAL or $EDITOR, or vi, and makes the change that is saved')
    .action((service: string, options: ChangeOptions) => edit(service, options, context));
  addChangeOptions(command).addHelpText(
    'after',
    `
What is refused is opened again, with the reason at its top. Where it cannot go on, as when the service was changed
meanwhile, what was typed is kept in a file that is named.`,
  );
  addExamples(command, [
    ['edit web', 'as kubectl edit and crontab -e do'],
    ['edit web --dry-run', 'what would follow of it'],
  ]);
}

async function edit(service: string, options: ChangeOptions, context: CliContext): Promise<void> {
  checkServiceName(service);
  const timeoutMs = timeoutOf(options);
  const editor = editorOf(context);
  const api = createApi(context, options);
  const read = await readService(api, service);
  const draft = await openDraft(`${service}.yaml`, editor, context);
  const submit = (request: ServiceRequest): Promise<Made[] | Supposed> =>
    options.dryRun ? suppose(api, read, request) : make(api, read, request, context);
  const answer = await editUntilTaken(draft, read, submit)
    .catch((error) => {
      const path = context.signal.aborted ? null : draft.keep();
      if (path !== null) context.printError(`what was typed is kept in ${path}`);
      throw error;
    })
    .finally(() => draft.close());
  if (answer === null) return reportUnchanged(read, options, context);
  if ('plan' in answer) return reportSupposed(answer, options, context);
  const isDetached = options.detach ?? false;
  reportOutcome(await followChanges(api, answer, { timeoutMs, isDetached }, context), options, context);
}

type ReadService = { spec: ServiceRequest; position: number; tag: string | null };

async function readService(api: Api, service: string): Promise<ReadService> {
  const { body, tag } = await api.getTagged<ServiceDetail>(`/service/${service}`);
  return { spec: specOf(body), position: body.position, tag };
}

/** A person has given up by then; a program that edits would go on for ever. */
const attemptsMax = 20;

/** null: nothing is to be changed. @throws AppError what another text would not mend, or a refusal that was not mended */
async function editUntilTaken<T>(
  draft: Draft,
  { spec }: ReadService,
  submit: (request: ServiceRequest) => Promise<T>,
): Promise<T | null> {
  let body = formatSpec(spec);
  let refusal: AppError | null = null;
  for (let attempt = 1; ; attempt += 1) {
    const typed = withoutHead(await draft.edit(withHead(body, spec, refusal?.message ?? null)));
    if (refusal !== null && typed === body) throw refusal;
    body = typed;
    try {
      const request = parseSpec(body, spec);
      return request === null || isDeepStrictEqual(request, spec) ? null : await submit(request);
    } catch (error) {
      if (!isOfText(error)) throw error;
      refusal = new AppError(error.code, withoutPath(error.message), { cause: error });
      if (attempt === attemptsMax) throw refusal;
    }
  }
}

/** The body of the request has this one service, and the text does not say so. */
const withoutPath = (message: string) => message.replace(/^services\.[^.]+\./, '');

const ofText: ReadonlySet<string> = new Set([
  ...['usage_invalid', 'body_invalid', 'body_contradictory', 'image_refused', 'option_refused'],
  ...['mode_mismatch', 'service_too_large'],
]);

/** Another text may mend it. */
const isOfText = (error: unknown): error is AppError => error instanceof AppError && ofText.has(error.code);

const changeOf = (services: ServiceRequest[], tag: string | null): Change => ({
  ...{ method: 'POST', path: '/service', body: { services } },
  headers: tag === null ? {} : { 'if-match': tag },
});

async function make(api: Api, read: ReadService, request: ServiceRequest, context: CliContext) {
  const made = await ifUnchanged(api, read, (tag) => submitChanges(api, [changeOf([request], tag)], context));
  for (const line of specDiffLines({ serviceName: request.serviceName, before: read.spec, after: request })) {
    context.printError(line);
  }
  return made;
}

const suppose = (api: Api, read: ReadService, request: ServiceRequest) =>
  ifUnchanged(api, read, (tag) => {
    const { method, path, body, headers } = changeOf([request], tag);
    return api.call<Supposed>(method, `${path}?dryRun=true`, body, headers);
  });

/** A rollout makes a version of its own for each of its steps. */
const versionsMax = 10;

/**
 * With the version that was read, or a later one of the same spec: containers come and go while a person edits.
 * @throws AppError `edit_conflict` and what `send` throws
 */
async function ifUnchanged<T>(api: Api, read: ReadService, send: (tag: string | null) => Promise<T>): Promise<T> {
  const { serviceName } = read.spec;
  for (let { tag } = read, version = 1; ; version += 1) {
    try {
      return await send(tag);
    } catch (error) {
      if (!hasCode(error, 'precondition_failed') || version === versionsMax) throw error;
      const now = await readService(api, serviceName);
      if (!isDeepStrictEqual(now.spec, read.spec)) {
        const message = `${serviceName} was changed by another meanwhile: coctl edit ${serviceName} opens what it is now`;
        throw new AppError('edit_conflict', message, { cause: error });
      }
      tag = now.tag;
    }
  }
}

function reportUnchanged({ position }: ReadService, { json }: ChangeOptions, context: CliContext): void {
  if (json) context.printJson({ position, services: [] });
  else context.print('nothing changed');
}

function reportSupposed(supposed: Supposed, { json }: ChangeOptions, context: CliContext): void {
  if (json) context.printJson(supposed);
  else for (const line of supposedLines(supposed).lines) context.print(line);
}
