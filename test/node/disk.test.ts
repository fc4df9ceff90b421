import {once} from 'node:events';
import * as fs from 'node:fs';
import {tmpdir} from 'node:os';
import * as path from 'node:path';
import {Worker} from 'node:worker_threads';
import test, {type ExecutionContext} from 'ava';
import {FileDisk, FileInUseError} from '../../src/node/disk.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (found: Uint8Array | null): string | null =>
	found === null ? null : new TextDecoder().decode(found);

function temporaryDirectory(t: ExecutionContext): string {
	const directory = fs.mkdtempSync(path.join(tmpdir(), 'shoal-disk-'));
	t.teardown(() => fs.rmSync(directory, {recursive: true, force: true}));
	return directory;
}

test('a file that is not there reads as null', (t) => {
	t.is(new FileDisk().read(path.join(temporaryDirectory(t), 'none')), null);
});

for (const durable of [true, false]) {
	test(`a file is replaced as a whole and nothing is left beside it (durable: ${durable})`, (t) => {
		const directory = temporaryDirectory(t);
		const file = path.join(directory, 'nodes.conf');
		const disk = new FileDisk();
		disk.replaceSync(file, bytes('a longer first content'), {durable});
		disk.replaceSync(file, bytes('second'), {durable});
		t.is(text(disk.read(file)), 'second');
		t.deepEqual(fs.readdirSync(directory), ['nodes.conf']);
		t.is(fs.statSync(file).mode & 0o777, 0o644);
	});
}

test('a file with a secret is readable by its owner alone', (t) => {
	const file = path.join(temporaryDirectory(t), 'secret');
	new FileDisk().replaceSync(file, bytes('x'), {mode: 0o600});
	t.is(fs.statSync(file).mode & 0o777, 0o600);
});

test('a file that was replaced without waiting is made durable later, where it is', async (t) => {
	const file = path.join(temporaryDirectory(t), 'nodes.conf');
	const disk = new FileDisk();
	disk.replaceSync(file, bytes('x'), {durable: false});
	await disk.flush(file);
	t.is(text(disk.read(file)), 'x');
	await t.throwsAsync(disk.flush(`${file}.gone`), {code: 'ENOENT'});
});

test('a failed replace leaves the old file and throws the system error', (t) => {
	const directory = temporaryDirectory(t);
	const disk = new FileDisk();
	const missing = path.join(directory, 'gone', 'nodes.conf');
	t.throws(() => disk.replaceSync(missing, bytes('x')), {code: 'ENOENT'});
	fs.mkdirSync(path.join(directory, 'taken'));
	t.throws(() => disk.replaceSync(path.join(directory, 'taken'), bytes('x')), {code: 'EISDIR'});
	t.deepEqual(fs.readdirSync(directory), ['taken']);
});

test('S74: a locked file cannot be locked again, by whatever path, until it is released', async (t) => {
	const directory = temporaryDirectory(t);
	const file = path.join(directory, 'nodes.conf');
	const alias = path.join(temporaryDirectory(t), 'alias');
	fs.symlinkSync(directory, alias);
	const disk = new FileDisk();
	const lock = await disk.lock(file);
	await t.throwsAsync(new FileDisk().lock(file), {instanceOf: FileInUseError});
	await t.throwsAsync(disk.lock(path.join(alias, 'nodes.conf')), {instanceOf: FileInUseError});
	const other = await disk.lock(path.join(directory, 'nodes-2.conf'));
	other.release();
	lock.release();
	const again = await disk.lock(file);
	again.release();
});

test('S74: a lock dies with the worker that held it, while the process goes on', async (t) => {
	const directory = temporaryDirectory(t);
	const file = path.join(directory, 'nodes.conf');
	const source = `
		import {parentPort} from 'node:worker_threads';
		import {FileDisk} from ${JSON.stringify(new URL('../../src/node/disk.js', import.meta.url).href)};
		await new FileDisk().lock(${JSON.stringify(file)});
		parentPort.postMessage('locked');
		setInterval(() => undefined, 1000);
	`;
	const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
	await once(worker, 'message');
	await t.throwsAsync(new FileDisk().lock(file), {instanceOf: FileInUseError});
	await worker.terminate();
	const lock = await new FileDisk().lock(file);
	t.pass();
	lock.release();
});

test('what a node left that died within a replace is cleared away by the next that locks the file', async (t) => {
	const directory = temporaryDirectory(t);
	const file = path.join(directory, 'nodes.conf');
	for (const name of [
		'nodes.conf',
		'nodes.conf.0123456789abcdef.tmp',
		'nodes.conf.tmp',
		'other.0123456789abcdef.tmp',
	]) {
		fs.writeFileSync(path.join(directory, name), 'x');
	}
	const lock = await new FileDisk().lock(file);
	t.deepEqual(fs.readdirSync(directory).toSorted(), [
		'nodes.conf',
		'nodes.conf.tmp',
		'other.0123456789abcdef.tmp',
	]);
	lock.release();
});
