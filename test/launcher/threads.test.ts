import {readdirSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {once} from 'node:events';
import test, {type ExecutionContext} from 'ava';
import {ThreadKind} from '../../src/launcher/threads.ts';
import {scratchDirectory} from './helpers/scratch.ts';

const BUILD = '0123456789abcdef0123456789abcdef';

/** A bundle that answers what it was told, and when its message came from a thread, the error's place. */
function writeBundle(directory: string, build: string, extra = ''): URL {
	const file = join(directory, 'node-worker.cjs');
	writeFileSync(
		file,
		`"use strict";const {parentPort,workerData}=require('node:worker_threads');function reply(){return {data:workerData,place:new Error('here').stack.split('\\n')[1]}}parentPort.postMessage(reply());${extra}
parentPort.once('message',()=>{throw new Error('told to');});
//# build=${build}
`,
	);
	return pathToFileURL(file);
}

async function startOne(t: ExecutionContext, kind: ThreadKind) {
	const worker = kind.start({name: 'test', workerData: {some: 'data'}});
	t.teardown(() => worker.terminate());
	const [reply] = (await once(worker, 'message')) as [{data: unknown; place: string}];
	return {worker, reply};
}

/** The names of the caches, once there are as many; the worker answers in its own time. */
async function cachesOf(directory: string, isThere: (names: string[]) => boolean): Promise<string[]> {
	for (;;) {
		let names: string[] = [];
		try {
			names = readdirSync(join(directory, '.cache')).filter((name) => name.endsWith('.cache'));
		} catch {
			// Not yet.
		}
		if (isThere(names)) return names;
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

test('a bundle sees its own workerData, and places in stacks are those of the file', async (t) => {
	const directory = scratchDirectory(t);
	const {reply} = await startOne(t, new ThreadKind(writeBundle(directory, BUILD)));
	t.deepEqual(reply.data, {some: 'data'});
	t.regex(reply.place, /node-worker\.cjs:1:1\d\d\)?$/);
});

test('a cache is made on demand, used by the next start, and follows the bundle', async (t) => {
	t.timeout(30_000);
	const directory = scratchDirectory(t);
	const first = new ThreadKind(writeBundle(directory, BUILD));
	first.makeCache((await startOne(t, first)).worker);
	const [name = ''] = await cachesOf(directory, (names) => names.length === 1);
	t.true(name.includes(BUILD) && name.includes(process.version) && name.includes(process.arch), name);

	const second = new ThreadKind(writeBundle(directory, BUILD));
	const {reply} = await startOne(t, second);
	t.deepEqual(reply.data, {some: 'data'});

	const other = BUILD.replace('0', 'f');
	const third = new ThreadKind(writeBundle(directory, other, 'parentPort.ref();'));
	third.makeCache((await startOne(t, third)).worker);
	await cachesOf(directory, (names) => names.length === 1 && names[0]?.includes(other) === true);
	t.pass();
});

test('a damaged cache does no harm and is made anew', async (t) => {
	t.timeout(30_000);
	const directory = scratchDirectory(t);
	const first = new ThreadKind(writeBundle(directory, BUILD));
	first.makeCache((await startOne(t, first)).worker);
	const [name = ''] = await cachesOf(directory, (names) => names.length === 1);
	const file = join(directory, '.cache', name);
	writeFileSync(file, 'damaged');

	const second = new ThreadKind(writeBundle(directory, BUILD));
	const {worker, reply} = await startOne(t, second);
	t.deepEqual(reply.data, {some: 'data'});
	second.makeCache(worker);
	await cachesOf(directory, () => (statSync(file, {throwIfNoEntry: false})?.size ?? 0) > 100);
	t.pass();
});
