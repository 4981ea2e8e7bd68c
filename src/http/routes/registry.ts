/** Serves /registry: logins at registries of images. A password goes into the store of secrets, and into nothing that is read. */

import { AppError } from '../../errors.ts';
import { canonicalHost } from '../../model/image.ts';
import type { RegistryLoginView } from '../../projections/view/image-view.ts';
import type { Vault } from '../../secrets/vault.ts';
import { createPasswordHashes } from '../request/password-hashes.ts';
import {
  DryRemovedLogin,
  DrySetLogin,
  LoginBody,
  LoginList,
  RegistryParams,
  RemovedLogin,
  SetLogin,
} from '../request/registry-schema.ts';
import { storeLogin, supposeLogin } from '../request/store-login.ts';
import { ref } from '../schema/schema.ts';
import { DryRunQuery, isDry, type Suppose } from './dry-run.ts';
import { type HttpDeps, refuseBody, type Server } from './route.ts';
import type { Submit } from './submit.ts';

type Deps = Pick<HttpDeps, 'projector'> & { vault: Vault | null };
type Changes = { submit: Submit; suppose: Suppose };

/** @param deps `vault` null: this manager keeps no secrets */
export function addRegistryRoutes(server: Server, { projector, vault }: Deps, { submit, suppose }: Changes): void {
  const tags = ['registries'];
  const hashes = createPasswordHashes();

  server.put(
    '/registry/:host',
    {
      config: {
        scope: 'secrets',
        refusals: [
          ...['registry_logins_full', 'secrets_not_configured', 'secrets_unavailable'],
          ...['secrets_key_missing', 'secrets_key_invalid', 'secrets_key_differs'],
        ] as const,
      },
      schema: {
        operationId: 'setRegistryLogin',
        tags,
        summary:
          'Set the login that nodes pull images of a registry with. The password is kept encrypted and never shown',
        params: RegistryParams,
        querystring: DryRunQuery,
        body: LoginBody,
        response: { 200: ref<DrySetLogin>(DrySetLogin), 202: ref<SetLogin>(SetLogin) },
      },
    },
    async (request, reply): Promise<SetLogin | DrySetLogin> => {
      if (vault === null) throw new AppError('secrets_not_configured', 'this manager keeps no secrets');
      const { username, password } = request.body;
      // A hash of the body stays in the log with the Idempotency-Key: of the password it may not be a plain one.
      const hashed = { username, password: await vault.fingerprint(Buffer.from(password)) };
      const login = { host: request.params.host, username, password };
      if (isDry(request)) {
        const supposed = await supposeLogin({ vault, hashes }, projector.view, login);
        const { logins } = suppose(request, reply, { kind: 'set registry login', ...supposed });
        return { dryRun: true, host: supposed.host, username, changed: logins[0]!.changed };
      }
      const stored = await storeLogin({ vault, hashes }, projector.view, login);
      const { position, logins } = await submit(request, reply, { kind: 'set registry login', ...stored }, hashed);
      const { host, username: name, version, changed } = logins[0]!;
      return { position, host, username: name!, version, changed };
    },
  );

  server.delete(
    '/registry/:host',
    {
      config: { scope: 'secrets', refusals: ['registry_login_not_found'] },
      schema: {
        operationId: 'removeRegistryLogin',
        tags,
        summary: 'Remove the login at a registry: pulls from now on have none',
        params: RegistryParams,
        querystring: DryRunQuery,
        response: { 200: ref<DryRemovedLogin>(DryRemovedLogin), 202: ref<RemovedLogin>(RemovedLogin) },
      },
    },
    async (request, reply): Promise<RemovedLogin | DryRemovedLogin> => {
      refuseBody(request);
      const host = canonicalHost(request.params.host);
      const wanted = { kind: 'remove registry login', host } as const;
      if (isDry(request)) {
        suppose(request, reply, wanted);
        return { dryRun: true, host };
      }
      const { position } = await submit(request, reply, wanted);
      return { position, host };
    },
  );

  addLoginList(server, projector, tags);
}

function addLoginList(server: Server, projector: Deps['projector'], tags: string[]): void {
  server.get(
    '/registry',
    {
      config: { scope: 'secrets' },
      schema: {
        operationId: 'listRegistryLogins',
        tags,
        summary: 'Logins at registries, without their passwords',
        response: { 200: ref<LoginList>(LoginList) },
      },
    },
    (): LoginList => {
      const { registryLogins, factPosition } = projector.view;
      return { position: factPosition, registries: [...registryLogins.values()].map(toRow).sort(byHost) };
    },
  );
}

const toRow = ({ host, username, version, setAt, setBy }: RegistryLoginView) => ({
  ...{ host, username, version, setAt, setBy },
});

const byHost = (a: { host: string }, b: { host: string }) => (a.host < b.host ? -1 : 1);
