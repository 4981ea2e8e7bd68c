/** The commands `coctl token …`: who may call the API. */

import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { AppError } from '../../errors.ts';
import { formatTime } from '../../history/sentences/format-values.ts';
import { scopes as allScopes } from '../../model/token.ts';
import { programName } from '../../process/program-name.ts';
import { fingerprintOfAuthority } from '../../tls/certificate.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printLines } from '../output/formats.ts';
import { type Column, formatTable } from '../output/table.ts';
import { type ApiOptions, addApiOptions, createApi } from '../sources/api.ts';
import { parseDuration } from '../sources/duration.ts';

type Token = { token: string; name: string; scopes: string[]; expiresAt: string | null };
type IssuedToken = Token & { text: string };
type ListedToken = Token & { issuedAt: string; issuedBy: string; expired: boolean };

type Options = ApiOptions & { json?: boolean };
type CreateOptions = Options & { scope?: string[]; expires?: string; join?: boolean };

/** Long enough to walk over to the machine. */
const joinExpiresDefault = '1h';

export function addTokenCommand(program: Command, context: CliContext): void {
  const group = program.command('token').description('Issues, lists and revokes tokens of the API; needs scope admin');
  addExamples(group, [
    ['token create ada --scope write', 'for a person who deploys'],
    ['token list', 'who may call'],
    ['token revoke ada', 'takes all tokens of ada'],
  ]);
  addCreate(group, context);
  addList(group, context);
  addRevoke(group, context);
}

function addCreate(group: Command, context: CliContext): void {
  const command = group
    .command('create [name]')
    .description('Issues a token to a name, and prints it: this once')
    .option('--scope <scope...>', `what it allows: ${allScopes.join(', ')}`)
    .option('--expires <duration>', 'until when: 90m, 24h or 7d from now; without it until it is revoked')
    .option(
      '--join',
      `for one worker node to come in by: scope join, for ${joinExpiresDefault} unless --expires says otherwise`,
    )
    .option('--json', 'for programs')
    .action((name: string | undefined, options: CreateOptions) => create(name, options, context));
  addApiOptions(command);
  addExamples(command, [
    ['token create ada --scope write', 'for a person who deploys'],
    ['token create prometheus --scope read --expires 90d', 'for a program that asks'],
    ['token create --join', 'for a machine that is to be a worker'],
  ]);
}

async function create(name: string | undefined, options: CreateOptions, context: CliContext): Promise<void> {
  const issued = await createApi(context, options).call<IssuedToken>('POST', '/token', toRequest(name, options));
  if (options.json) return context.printJson(issued);
  context.printWhole(issued.text);
  const { token, name: owner, scopes, expiresAt } = issued;
  const end = expiresAt === null ? 'until it is revoked' : `until ${formatTime(expiresAt)}`;
  context.printError(`token ${token} of ${owner}: ${scopes.join(', ')}, ${end}; it is not shown again`);
  if (options.join) context.writeError(`on the worker: ${await joinLine(issued.text, options, context)}\n`);
}

/** What the machine that joins is to run. It trusts the authority that we do. */
async function joinLine(token: string, options: CreateOptions, context: CliContext): Promise<string> {
  const ca = options.ca ?? context.environment.CO_CA;
  const trust = ca ? ` --ca ${await fingerprintOfAuthority(ca, '--ca')}` : '';
  return `${programName} agent --join ${createApi(context, options).base}${trust} --token ${token}`;
}

function toRequest(name: string | undefined, { scope, expires, join = false }: CreateOptions) {
  if (join && scope !== undefined)
    throw new AppError('usage_invalid', '--join has a scope of its own: leave --scope out');
  if (!join && scope === undefined) {
    throw new AppError('usage_invalid', `--scope is required, one or more of ${allScopes.join(', ')}`);
  }
  if (!join && name === undefined) throw new AppError('usage_invalid', '[name] is required, unless it is for --join');
  const duration = expires ?? (join ? joinExpiresDefault : undefined);
  return {
    name: name ?? `join-${randomBytes(3).toString('hex')}`,
    scopes: scope ?? ['join'],
    ...(duration === undefined ? {} : { expiresInSeconds: parseDuration('--expires', duration) / 1_000 }),
  };
}

const columns: readonly Column<ListedToken>[] = [
  { title: 'TOKEN', cell: ({ token }) => token },
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'SCOPES', cell: ({ scopes }) => scopes.join(',') },
  { title: 'ISSUED', cell: ({ issuedAt }) => formatTime(issuedAt) },
  { title: 'BY', cell: ({ issuedBy }) => issuedBy },
  { title: 'EXPIRES', cell: ({ expiresAt, expired }) => expiryOf(expiresAt, expired) },
];

const expiryOf = (expiresAt: string | null, expired: boolean) =>
  expiresAt === null ? 'never' : `${formatTime(expiresAt)}${expired ? ' (expired)' : ''}`;

function addList(group: Command, context: CliContext): void {
  const command = group
    .command('list')
    .alias('ls')
    .description('The tokens that were not revoked; never their text')
    .option('--json', 'for programs')
    .action(async (options: Options) => {
      const list = await createApi(context, options).get<{ tokens: ListedToken[] }>('/token');
      if (options.json) return context.printJson(list);
      printLines(formatTable(columns, list.tokens, context), context);
    });
  addApiOptions(command);
  addExamples(command, [['token list', 'who may call']]);
}

function addRevoke(group: Command, context: CliContext): void {
  const command = group
    .command('revoke <token>')
    .description('Revokes a token by its id, or all of a name; at once, on every manager')
    .option('--json', 'for programs')
    .action(async (token: string, options: Options) => {
      const path = `/token/${encodeURIComponent(token)}`;
      const revoked = await createApi(context, options).call<{ tokens: Token[] }>('DELETE', path);
      if (options.json) return context.printJson(revoked);
      for (const { token: id, name } of revoked.tokens) context.print(`revoked ${id} of ${name}`);
    });
  addApiOptions(command);
  addExamples(command, [
    ['token revoke ci', 'all tokens of ci'],
    ['token revoke 3f09a1b2c4d5', 'one of them'],
  ]);
}
