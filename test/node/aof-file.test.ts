/** When bytes of the append-only file reach the disk, and what becomes of them when the disk refuses. */
import test from 'ava';
import fc from 'fast-check';
import {readFileSync} from 'node:fs';
import {AofFile, AofLostError, type FsyncPolicy} from '../../src/node/aof-file.ts';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {FaultyDisk, systemError} from './faulty-disk.ts';

class Bench implements Disposable {
	readonly disk = new FaultyDisk();
	readonly logs: string[] = [];
	readonly file: AofFile;
	policy: FsyncPolicy;
	isHeldOff = false;
	nowMs = 0;

	constructor(policy: FsyncPolicy) {
		this.policy = policy;
		this.file = new AofFile({
			file: this.disk.open(this.disk.path('aof'), 'append'),
			size: 0,
			policy: () => this.policy,
			isFlushHeldOff: () => this.isHeldOff,
			nowMs: () => this.nowMs,
			log: (_level, line) => this.logs.push(line),
			latency: () => undefined,
		});
	}

	append(text: string): void {
		const bytes = latin1ToBytes(`..${text}.`);
		this.file.append(bytes, 2, 2 + text.length);
	}

	get content(): string {
		return readFileSync(this.disk.path('aof'), 'latin1');
	}

	/** Lets a flush under way come to its end. */
	async settled(): Promise<void> {
		while (this.file.isFlushing) await new Promise((resolve) => setImmediate(resolve));
	}

	[Symbol.dispose](): void {
		void this.file.close();
		this.disk[Symbol.dispose]();
	}
}

test('always: what is appended is in the file and flushed when append returns', (t) => {
	using bench = new Bench('always');
	bench.append('one');
	t.is(bench.content, 'one');
	t.is(bench.disk.syncCount, 1);
	bench.append('two');
	t.is(bench.content, 'onetwo');
	t.is(bench.disk.syncCount, 2);
});

test('always: a disk that is full, or does not flush, ends in an error, and half a write is cut back', (t) => {
	using full = new Bench('always');
	full.append('whole');
	full.disk.roomBytes = 2;
	const error = t.throws(() => full.append('part'), {instanceOf: AofLostError});
	t.is(
		error?.message,
		"Can't recover from AOF write error when the AOF fsync policy is 'always': No space left on device",
	);
	t.is(full.content, 'whole');
	using broken = new Bench('always');
	broken.disk.syncError = systemError('EIO');
	t.throws(() => broken.append('x'), {
		instanceOf: AofLostError,
		message: /fsync error .*: Input\/output error/,
	});
});

test('everysec: written at once, flushed once a second and only when there is something to flush', async (t) => {
	using bench = new Bench('everysec');
	bench.append('a');
	t.is(bench.content, 'a');
	bench.nowMs = 999;
	bench.file.tick();
	t.is(bench.disk.syncCount, 0);
	bench.nowMs = 1000;
	bench.file.tick();
	t.is(bench.disk.syncCount, 1);
	await bench.settled();
	bench.nowMs = 5000;
	bench.file.tick();
	t.is(bench.disk.syncCount, 1);
	bench.append('b');
	t.is(bench.disk.syncCount, 2);
	await bench.settled();
});

test('everysec: what comes during a flush waits for its end, two seconds at most', async (t) => {
	using bench = new Bench('everysec');
	let open = (): void => undefined;
	bench.disk.syncGate = new Promise((resolve) => (open = resolve));
	bench.nowMs = 1000;
	bench.append('a');
	t.true(bench.file.isFlushing);
	bench.append('b');
	bench.append('c');
	t.is(bench.content, 'a');
	t.is(bench.file.pendingBytes, 2);
	bench.nowMs = 2900;
	bench.file.tick();
	t.is(bench.content, 'a');
	t.is(bench.file.delayedCount, 0);
	bench.nowMs = 3001;
	bench.file.tick();
	t.is(bench.content, 'abc');
	t.is(bench.file.delayedCount, 1);
	bench.append('d');
	t.is(bench.content, 'abc');
	open();
	await bench.settled();
	t.is(bench.content, 'abcd');
	t.is(bench.file.pendingBytes, 0);
});

test('no: the system decides when to flush; and flushes can be held off', async (t) => {
	using bench = new Bench('no');
	bench.append('a');
	bench.nowMs = 10_000;
	bench.append('b');
	t.is(bench.disk.syncCount, 0);
	bench.policy = 'everysec';
	bench.isHeldOff = true;
	bench.append('c');
	t.is(bench.disk.syncCount, 0);
	bench.isHeldOff = false;
	bench.file.tick();
	t.is(bench.disk.syncCount, 1);
	await bench.settled();
});

test('everysec: a full disk is a failure until it has room again; no byte is lost or doubled, and one line is logged', (t) => {
	using bench = new Bench('everysec');
	bench.append('whole');
	bench.disk.roomBytes = 2;
	bench.append('first');
	t.is(bench.content, 'whole');
	t.is((bench.file.failure as NodeJS.ErrnoException).code, 'ENOSPC');
	bench.append('second');
	bench.file.tick();
	t.is(bench.logs.length, 1);
	t.regex(bench.logs[0]!, /^Short write while writing to the AOF file: .*nwritten=2, expected=5/);
	bench.disk.roomBytes = 1000;
	bench.file.tick();
	t.is(bench.content, 'wholefirstsecond');
	t.is(bench.file.size, 16);
	t.is(bench.file.failure, null);
	t.is(bench.logs[1], 'AOF write error looks solved, Redis can write again.');
});

test('everysec: what cannot be cut back is completed', (t) => {
	using bench = new Bench('everysec');
	bench.disk.truncateError = systemError('EIO');
	bench.disk.roomBytes = 3;
	bench.append('abcdef');
	t.is(bench.content, 'abc');
	t.is(bench.file.size, 0);
	bench.append('ghi');
	bench.disk.roomBytes = 2;
	bench.file.tick();
	t.is(bench.content, 'abcde');
	bench.disk.roomBytes = 100;
	bench.file.tick();
	t.is(bench.content, 'abcdefghi');
	t.is(bench.file.size, 9);
	t.is(bench.file.failure, null);
});

test('everysec: a flush that fails is a failure until one succeeds', async (t) => {
	using bench = new Bench('everysec');
	bench.disk.syncError = systemError('EIO');
	bench.nowMs = 1000;
	bench.append('a');
	await bench.settled();
	t.is((bench.file.failure as NodeJS.ErrnoException).code, 'EIO');
	bench.nowMs = 1500;
	bench.file.tick();
	t.is(bench.disk.syncCount, 1);
	bench.disk.syncError = null;
	bench.nowMs = 2000;
	bench.file.tick();
	await bench.settled();
	t.is(bench.file.failure, null);
});

test('whatever the disk does in between, the file ends as what was appended', async (t) => {
	const step = fc.oneof(
		fc.nat(20).map((length) => ({append: length})),
		fc.nat(30).map((room) => ({room})),
		fc.boolean().map((cuts) => ({cuts})),
		fc.boolean().map((syncs) => ({syncs})),
		fc.nat(1500).map((ms) => ({ms})),
	);
	await fc.assert(
		fc.asyncProperty(fc.array(step, {maxLength: 60}), async (steps) => {
			using bench = new Bench('everysec');
			let expected = '';
			for (const each of steps) {
				if ('append' in each) {
					const text = String.fromCharCode(97 + (expected.length % 26)).repeat(each.append);
					expected += text;
					bench.append(text);
				} else if ('room' in each) bench.disk.roomBytes = each.room;
				else if ('cuts' in each) bench.disk.truncateError = each.cuts ? null : systemError('EIO');
				else if ('syncs' in each) bench.disk.syncError = each.syncs ? null : systemError('EIO');
				else {
					bench.nowMs += each.ms;
					bench.file.tick();
					if (each.ms % 2 === 0) await bench.settled();
				}
				t.true(expected.startsWith(bench.content));
			}
			await bench.settled();
			bench.disk.roomBytes = Number.POSITIVE_INFINITY;
			bench.disk.syncError = null;
			bench.file.settleSync();
			t.is(bench.content, expected);
			t.is(bench.file.size, expected.length);
		}),
		{numRuns: 100},
	);
});
