/** Connects to the MongoDB of a URL, with bounds on every wait, and opens the store of commits there. */

import { type Db, MongoClient } from 'mongodb';
import type { Logger } from '../../../logger.ts';
import { readAuthorities } from '../../../tls/certificate.ts';
import type { CommitStore } from '../../log/commit-store.ts';
import { createMongoStore } from './mongo-store.ts';

/** The database of a URL that names none. */
const databaseDefault = 'co';

/** @throws AppError `log_unavailable` · `config_invalid`: the authority cannot be read */
export async function openMongoStore(
  url: string,
  { ca, logger, isReadOnly }: { ca: string | null; logger: Logger; isReadOnly: boolean },
): Promise<{ store: CommitStore; db: Db; close(): Promise<void> }> {
  if (ca !== null) await readAuthorities(ca, '--mongodb-ca');
  const client = createMongoClient(url, ca);
  try {
    const { hosts, database } = readUrl(url);
    const db = client.db(database);
    const description = `mongodb ${hosts}/${database}`;
    const store = await createMongoStore({ db, logger }, { description, isReadOnly });
    const close = async () => {
      await store.close();
      await client.close();
    };
    return { store, db, close };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/**
 * Each wait of the driver ends: by default several of them never do.
 * @param ca path of the authority, for TLS; null: as the URL says
 */
export function createMongoClient(url: string, ca: string | null = null): MongoClient {
  return new MongoClient(url, {
    appName: 'container-orchestrator',
    connectTimeoutMS: 5_000,
    serverSelectionTimeoutMS: 5_000,
    socketTimeoutMS: 10_000,
    waitQueueTimeoutMS: 5_000,
    // Commits are written one at a time; the rest is for readers.
    maxPoolSize: 20,
    ...(ca === null ? {} : { tls: true, tlsCAFile: ca }),
  });
}

/** What of a URL may be shown: never user or password. */
function readUrl(url: string): { hosts: string; database: string } {
  const [, hosts = '', database = ''] = /^mongodb(?:\+srv)?:\/\/(?:[^@/]*@)?([^/?]*)(?:\/([^?]*))?/.exec(url) ?? [];
  return { hosts, database: database || databaseDefault };
}
