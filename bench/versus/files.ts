/**
 * Files of a node with a million keys of 16 bytes and values of 64: how long BGSAVE takes and how long a PING beside it
 * waits, how large the file is, and how long a start takes that loads the snapshot or the append-only file.
 */
import {mkdtempSync, readdirSync, rmSync, statSync} from 'node:fs';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fill} from './fill.ts';
import {redisCli, type Server, startRedis, startShoal, until} from './peers.ts';

const KEYS = 1_000_000;

/** Starts a node on the files of the directory, if there are any: resolves when they are loaded. */
type Start = (directory: string, appendOnly: 'yes' | 'no') => Promise<Server>;

const CONTENDERS: readonly (readonly [name: string, start: Start])[] = [
	['redis', async (directory, appendOnly) => startRedis(1, ['--appendonly', appendOnly], [directory])],
	[
		'shoal',
		async (directory, appendOnly) =>
			startShoal({
				shards: 1,
				directory,
				args: ['--config', `appendonly=${appendOnly}`, '--config', 'save='],
			}),
	],
];

/** The longest that a PING waited until `isOver`. */
async function longestWaitMs(port: number, isOver: () => boolean): Promise<number> {
	const socket = connect(port, '127.0.0.1').setNoDelay(true);
	let longest = 0;
	let sentAt = 0;
	const ping = (): void => {
		sentAt = performance.now();
		socket.write('PING\r\n');
	};
	socket.on('data', () => {
		longest = Math.max(longest, performance.now() - sentAt);
		ping();
	});
	ping();
	await until(isOver);
	socket.destroy();
	return longest;
}

const isSaving = (port: number): boolean =>
	redisCli(port, 'info', 'persistence').includes('rdb_bgsave_in_progress:1');

const bytesIn = (directory: string): number =>
	readdirSync(directory, {recursive: true, withFileTypes: true})
		.filter((entry) => entry.isFile() && /\.(?:rdb|aof)$/.test(entry.name))
		.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);

/** How long a start takes, files loaded. */
async function secondsOfStart(start: () => Promise<Server>, keys: number): Promise<number> {
	const begin = performance.now();
	const server = await start();
	const seconds = (performance.now() - begin) / 1000;
	const size = redisCli(server.ports[0]!, 'dbsize');
	await server.stop();
	if (size !== String(keys)) throw new Error(`${size} keys were loaded, not ${keys}`);
	return seconds;
}

async function inScratch<T>(run: (directory: string) => Promise<T>): Promise<T> {
	const directory = mkdtempSync(join(tmpdir(), 'files-bench-'));
	try {
		return await run(directory);
	} finally {
		rmSync(directory, {recursive: true, force: true});
	}
}

async function snapshot(start: Start, directory: string): Promise<string> {
	const server = await start(directory, 'no');
	const port = server.ports[0]!;
	await fill(port, 0, KEYS);
	const begin = performance.now();
	redisCli(port, 'bgsave');
	const waitMs = await longestWaitMs(port, () => !isSaving(port));
	const saved = (performance.now() - begin) / 1000;
	await server.stop();
	const size = bytesIn(directory) / 1e6;
	const loaded = await secondsOfStart(async () => start(directory, 'no'), KEYS);
	return (
		`BGSAVE ${saved.toFixed(2)} s, longest PING beside it ${waitMs.toFixed(1)} ms, ` +
		`file ${size.toFixed(1)} MB, start from it ${loaded.toFixed(2)} s`
	);
}

async function appended(start: Start, directory: string): Promise<string> {
	const server = await start(directory, 'yes');
	await fill(server.ports[0]!, 0, KEYS);
	await server.stop();
	const size = bytesIn(directory) / 1e6;
	const loaded = await secondsOfStart(async () => start(directory, 'yes'), KEYS);
	return `append-only file ${size.toFixed(1)} MB, start from it ${loaded.toFixed(2)} s`;
}

export async function files(): Promise<void> {
	console.log(`A node with ${KEYS} keys of 16 bytes and values of 64\n`);
	for (const [name, start] of CONTENDERS) {
		const empty = await inScratch(async (directory) => secondsOfStart(async () => start(directory, 'no'), 0));
		console.log(`${name}  start without files ${empty.toFixed(2)} s`);
		console.log(`${name}  ${await inScratch(async (directory) => snapshot(start, directory))}`);
		console.log(`${name}  ${await inScratch(async (directory) => appended(start, directory))}`);
	}
}
