/** The bare driver of bench/append.ts: rows in, an answer to each once it is durable, nothing else. */

import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

export type BareRow = [slot: number, header: string, events: string];

const database = new DatabaseSync(workerData as string);
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
database.exec('CREATE TABLE commits (slot INTEGER PRIMARY KEY, header TEXT NOT NULL, events TEXT NOT NULL) STRICT');
const insert = database.prepare('INSERT INTO commits VALUES (?, ?, ?)');

parentPort?.on('message', (row: BareRow) => {
  insert.run(...row);
  parentPort?.postMessage('written');
});
parentPort?.postMessage('open');
