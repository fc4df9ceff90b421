import test from 'ava';
import {NodesConfFile} from '../../src/node/nodes-conf-file.ts';
import type {Clock, Disk} from '../../src/node/ports.ts';

/** A disk that notes what is asked of it; flushes end when the test says. */
class NotedDisk implements Disk {
	readonly done: string[] = [];
	locked = false;
	broken = false;
	readonly flushes: {resolve: () => void; reject: (error: Error) => void}[] = [];

	read(): Uint8Array | null {
		return null;
	}
	replaceSync(_file: string, bytes: Uint8Array, {durable = true} = {}): void {
		if (this.broken) throw new Error('ENOSPC');
		this.done.push(`${durable ? 'durable' : 'visible'} ${new TextDecoder().decode(bytes)}`);
	}
	flush(): Promise<void> {
		this.done.push('flush');
		return new Promise((resolve, reject) => this.flushes.push({resolve, reject}));
	}
	lock(): Promise<{release: () => void}> {
		this.locked = true;
		return Promise.resolve({release: () => void (this.locked = false)});
	}
}

/** Time moves only by `pass`. */
class HandClock implements Clock {
	#now = 0;
	#timers: {at: number; run: () => void}[] = [];
	monotonicMs = (): number => this.#now;
	wallMs = (): number => this.#now;
	steadyWallMs = (): number => this.#now;
	after(delayMs: number, run: () => void): () => void {
		const timer = {at: this.#now + delayMs, run};
		this.#timers.push(timer);
		return () => void (this.#timers = this.#timers.filter((each) => each !== timer));
	}
	every(): () => void {
		throw new Error('not used here');
	}
	pass(ms: number): void {
		this.#now += ms;
		const due = this.#timers.filter(({at}) => at <= this.#now);
		this.#timers = this.#timers.filter(({at}) => at > this.#now);
		for (const {run} of due) run();
	}
}

async function opened() {
	const disk = new NotedDisk();
	const clock = new HandClock();
	const failures: unknown[] = [];
	const file = await NodesConfFile.open({
		disk,
		clock,
		file: 'nodes.conf',
		onFailure: (error) => failures.push(error),
	});
	return {disk, clock, failures, file};
}

const settled = (): Promise<void> => new Promise(setImmediate);

test('a promise is on the disk when the call returns, and nothing is left to do', async (t) => {
	const {disk, clock, file} = await opened();
	file.saveDurably(() => 'vote');
	t.deepEqual(disk.done, ['durable vote']);
	clock.pass(10_000);
	t.deepEqual(disk.done, ['durable vote']);
});

test('changes without a promise are gathered, only the last text is written, and it is flushed later', async (t) => {
	const {disk, clock, file} = await opened();
	for (const text of ['one', 'two', 'three']) file.saveSoon(() => text);
	t.deepEqual(disk.done, []);
	clock.pass(100);
	t.deepEqual(disk.done, ['visible three']);
	file.saveSoon(() => 'four');
	clock.pass(100);
	clock.pass(900);
	t.deepEqual(disk.done, ['visible three', 'visible four', 'flush']);
});

test('what a client was told is done survives the process at once and a power cut soon', async (t) => {
	const {disk, clock, file} = await opened();
	file.saveVisibly(() => 'slots');
	t.deepEqual(disk.done, ['visible slots']);
	clock.pass(1000);
	t.deepEqual(disk.done, ['visible slots', 'flush']);
});

test('what waits can be put in place at once', async (t) => {
	const {disk, clock, file} = await opened();
	file.settle();
	t.deepEqual(disk.done, []);
	file.saveSoon(() => 'peers');
	file.settle();
	t.deepEqual(disk.done, ['visible peers']);
	clock.pass(100);
	t.deepEqual(disk.done, ['visible peers']);
});

test('a promise takes what waited with it', async (t) => {
	const {disk, clock, file} = await opened();
	file.saveSoon(() => 'gossip');
	file.saveDurably(() => 'gossip and vote');
	clock.pass(10_000);
	t.deepEqual(disk.done, ['durable gossip and vote']);
});

test('what is written during a flush is flushed again', async (t) => {
	const {disk, clock, file} = await opened();
	file.saveVisibly(() => 'one');
	clock.pass(1000);
	file.saveVisibly(() => 'two');
	disk.flushes[0]?.resolve();
	await settled();
	clock.pass(1000);
	t.deepEqual(disk.done, ['visible one', 'flush', 'visible two', 'flush']);
	disk.flushes[1]?.resolve();
	await settled();
	clock.pass(10_000);
	t.is(disk.done.length, 4);
});

test('a failed write that nobody waits for is told once and tried again with what is newest', async (t) => {
	const {disk, clock, failures, file} = await opened();
	disk.broken = true;
	file.saveSoon(() => 'one');
	clock.pass(100);
	file.saveSoon(() => 'two');
	clock.pass(1000);
	t.is(failures.length, 1);
	disk.broken = false;
	clock.pass(1000);
	t.deepEqual(disk.done, ['visible two']);
});

test('a failed flush is told once and tried again', async (t) => {
	const {disk, clock, failures, file} = await opened();
	file.saveVisibly(() => 'one');
	for (let attempt = 0; attempt < 3; attempt++) {
		clock.pass(1000);
		disk.flushes.at(-1)?.reject(new Error('EIO'));
		await settled();
	}
	t.is(failures.length, 1);
	clock.pass(1000);
	t.is(disk.flushes.length, 4);
});

test('closing makes durable what waits and gives the lock back', async (t) => {
	const {disk, file} = await opened();
	t.true(disk.locked);
	file.saveSoon(() => 'last');
	await file.close();
	t.deepEqual(disk.done, ['durable last']);
	t.false(disk.locked);
});

test('closing flushes what is in place only, and waits for the flush under way', async (t) => {
	const {disk, clock, file} = await opened();
	file.saveVisibly(() => 'one');
	clock.pass(1000);
	file.saveVisibly(() => 'two');
	const closed = file.close();
	disk.flushes[0]?.resolve();
	await settled();
	t.true(disk.locked);
	t.deepEqual(disk.done, ['visible one', 'flush', 'visible two', 'flush']);
	disk.flushes[1]?.resolve();
	await closed;
	t.false(disk.locked);
});

test('nothing is tried any more after closing', async (t) => {
	const {disk, clock, file} = await opened();
	file.saveVisibly(() => 'one');
	const closed = file.close();
	await settled();
	clock.pass(1000);
	t.deepEqual(disk.done, ['visible one', 'flush']);
	disk.flushes[0]?.reject(new Error('EIO'));
	await t.throwsAsync(closed, {message: 'EIO'});
	clock.pass(10_000);
	t.deepEqual(disk.done, ['visible one', 'flush']);
});

test('closing gives the lock back even when the disk is broken', async (t) => {
	const {disk, file} = await opened();
	file.saveSoon(() => 'last');
	disk.broken = true;
	await t.throwsAsync(file.close(), {message: 'ENOSPC'});
	t.false(disk.locked);
});
