/** The files of a node on a disk that refuses: what clients are told, and that nothing is lost when it works again. */
import test from 'ava';
import {mkdirSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {systemClock} from '../../src/node/clock.ts';
import {CommandStream} from '../../src/node/command-stream.ts';
import {NodeConfig} from '../../src/node/config.ts';
import {NodePersistence} from '../../src/node/persistence.ts';
import {Keyspace} from '../../src/data/keyspace.ts';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {findText, setText} from '../data/keyspace-model.ts';
import {openDoor} from './door.ts';
import {FaultyDisk, systemError} from './faulty-disk.ts';
import {pipeline} from './wire.ts';

/** A node that is only its files. */
class Files implements AsyncDisposable {
	readonly disk = new FaultyDisk();
	readonly config: NodeConfig;
	readonly db = new Keyspace();
	readonly stream = new CommandStream();
	readonly logs: string[] = [];
	readonly lost: string[] = [];
	readonly files: NodePersistence;

	constructor(directives: Readonly<Record<string, string>>) {
		this.config = new NodeConfig({
			directives: [
				...Object.entries({'enable-protected-configs': 'yes', ...directives}),
				['dir', this.disk.directory],
			],
		});
		this.files = new NodePersistence({
			disk: this.disk,
			clock: systemClock,
			config: this.config,
			databases: [this.db],
			stream: this.stream,
			latency: {add: () => undefined, event: () => undefined, events: () => [], reset: () => 0},
			isPrimary: () => true,
			log: (_level, line) => this.logs.push(line),
			onLost: (reason) => this.lost.push(reason),
			savedFields: () => new Map(),
			onDurable: () => undefined,
		});
	}

	static async start(directives: Readonly<Record<string, string>>): Promise<Files> {
		const files = new Files(directives);
		await files.files.start({...openDoor().services, databases: [files.db]});
		return files;
	}

	/** Sets a key as a command does that replicas hear of. */
	set(key: string, value: string): void {
		this.stream.begin(0);
		setText(this.db, key, value);
		this.stream.instead('SET', key, value);
		this.stream.flush();
	}

	/** Lets the work in the background come to its end. */
	async settled(): Promise<void> {
		while (this.files.isBackgroundBusy || this.files.aof.isFlushing)
			await new Promise((resolve) => setImmediate(resolve));
	}

	/** Names in the append-only directory. */
	get appended(): string[] {
		return readdirSync(this.disk.path('appendonlydir')).toSorted();
	}

	/** What another node finds in the files as they are now. */
	async restarted(): Promise<Keyspace> {
		const db = new Keyspace();
		const files = new NodePersistence({
			disk: this.disk,
			clock: systemClock,
			config: this.config,
			databases: [db],
			stream: new CommandStream(),
			latency: {add: () => undefined, event: () => undefined, events: () => [], reset: () => 0},
			isPrimary: () => true,
			log: () => undefined,
			onLost: () => undefined,
			savedFields: () => new Map(),
			onDurable: () => undefined,
		});
		await files.start({...openDoor().services, databases: [db]});
		files.aof.turnOff();
		return db;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.files.close();
		this.disk.roomBytes = Number.POSITIVE_INFINITY;
		this.disk.syncError = null;
		this.files.aof.turnOff();
		this.disk[Symbol.dispose]();
	}
}

const NO_SPACE = 'MISCONF Errors writing to the AOF file: No space left on device';

test('BGSAVE on a full disk fails, leaves nothing, and works again later', async (t) => {
	await using node = await Files.start({save: '3600 1000'});
	for (let i = 0; i < 1000; i++) setText(node.db, `key:${i}`, 'x'.repeat(50));
	node.disk.roomBytes = 5000;
	t.is(node.files.saveInBackground(false), 'started');
	await node.settled();
	t.false(node.files.rdb.isLastOk);
	t.regex(node.files.writeRefusal ?? '', /^MISCONF Redis is configured to save RDB snapshots/);
	t.true(node.logs.includes('Background saving error: No space left on device'), node.logs.join('\n'));
	t.deepEqual(readdirSync(node.disk.directory), []);
	node.disk.roomBytes = Number.POSITIVE_INFINITY;
	node.disk.syncError = systemError('EIO');
	node.files.saveInBackground(false);
	await node.settled();
	t.false(node.files.rdb.isLastOk);
	t.throws(() => node.files.save(), {message: 'ERR'});
	node.disk.syncError = null;
	node.files.saveInBackground(false);
	await node.settled();
	t.true(node.files.rdb.isLastOk);
	t.is(node.files.writeRefusal, null);
	t.deepEqual(readdirSync(node.disk.directory), ['dump.rdb']);
});

test('a full disk under the append-only file refuses writes until it has room; nothing is lost', async (t) => {
	await using node = await Files.start({appendonly: 'yes'});
	node.set('a', '1');
	t.is(node.files.writeRefusal, null);
	// A flush under way would put writes off.
	await node.settled();
	node.disk.roomBytes = 10;
	node.set('b', '2');
	t.is(node.files.writeRefusal, NO_SPACE);
	node.files.tick();
	t.is(node.files.writeRefusal, NO_SPACE);
	await node.settled();
	node.disk.roomBytes = 1000;
	node.files.tick();
	t.is(node.files.writeRefusal, null);
	node.set('c', '3');
	const db = await node.restarted();
	for (const key of ['a', 'b', 'c']) t.not(findText(db, key), 0);
});

test('with appendfsync always, a disk that refuses is the end: the reason is told, and nothing goes on', async (t) => {
	await using node = await Files.start({appendonly: 'yes', appendfsync: 'always'});
	node.set('a', '1');
	node.disk.syncError = systemError('EIO');
	// Past the stream, which takes no error from its consumers: the node would be dead.
	const command = latin1ToBytes(pipeline('SET b 2'));
	t.throws(() => node.files.aof.take(command, 0, command.length), {name: 'AofLostError'});
	t.deepEqual(node.lost, [
		"Can't persist AOF for fsync error when the AOF fsync policy is 'always': Input/output error",
	]);
});

test('a rewrite that fails leaves the files as complete as before, and the next one replaces them all', async (t) => {
	await using node = await Files.start({appendonly: 'yes'});
	for (let i = 0; i < 1000; i++) node.set(`key:${i}`, 'x'.repeat(50));
	node.disk.syncError = systemError('EIO');
	t.is(node.files.rewriteAof(), 'started');
	node.set('meanwhile', '1');
	await node.settled();
	t.false(node.files.aof.isLastRewriteOk);
	node.disk.syncError = null;
	t.deepEqual(node.appended, [
		'appendonly.aof.1.base.rdb',
		'appendonly.aof.1.incr.aof',
		'appendonly.aof.2.incr.aof',
		'appendonly.aof.manifest',
	]);
	const between = await node.restarted();
	t.is(between.size, 1001);
	node.files.rewriteAof();
	node.set('after', '1');
	await node.settled();
	t.true(node.files.aof.isLastRewriteOk);
	t.deepEqual(node.appended, [
		'appendonly.aof.2.base.rdb',
		'appendonly.aof.3.incr.aof',
		'appendonly.aof.manifest',
	]);
	t.is((await node.restarted()).size, 1002);
});

test('a rewrite whose manifest cannot be written does not begin, and the file goes on', async (t) => {
	await using node = await Files.start({appendonly: 'yes'});
	node.set('a', '1');
	node.disk.renameError = systemError('EROFS');
	t.throws(() => node.files.rewriteAof(), {message: /Can't execute an AOF background rewriting/});
	node.disk.renameError = null;
	node.set('b', '2');
	t.deepEqual(node.appended, [
		'appendonly.aof.1.base.rdb',
		'appendonly.aof.1.incr.aof',
		'appendonly.aof.manifest',
	]);
	t.is((await node.restarted()).size, 2);
});

test('after three failures in a row a rewrite by itself waits', async (t) => {
	await using node = await Files.start({appendonly: 'yes', 'auto-aof-rewrite-min-size': '1'});
	for (let i = 0; i < 100; i++) node.set(`key:${i}`, 'x'.repeat(50));
	node.disk.syncError = systemError('EIO');
	for (let i = 0; i < 3; i++) {
		t.true(node.files.aof.dueGrowth() > 0);
		node.files.tick();
		await node.settled();
	}
	t.is(node.files.aof.failuresInRow, 3);
	t.is(node.files.aof.dueGrowth(), 0);
	t.true(node.logs.some((line) => line.endsWith('will retry in 1 minutes')));
});

test('CONFIG SET appendonly yes is refused where the first file cannot be made', async (t) => {
	await using node = await Files.start({});
	setText(node.db, 'a', '1');
	const refusal = {message: /argument 'appendonly'\) - Unable to turn on AOF\. Check server logs\./};
	mkdirSync(node.disk.path('appendonlydir/temp-rewriteaof-bg-6379.aof'), {recursive: true});
	t.throws(() => node.config.set([['appendonly', 'yes']]), refusal);
	t.false(node.files.aof.isOn);
	t.is(node.config.text('appendonly'), 'no');
	rmSync(node.disk.path('appendonlydir'), {recursive: true});
	node.config.set([['appendonly', 'yes']]);
	await node.settled();
	t.regex(
		readFileSync(node.disk.path('appendonlydir/appendonly.aof.manifest'), 'latin1'),
		/base\.rdb seq 1 type b/,
	);
});

test('a BGSAVE that has to wait for a rewrite is told so, and comes after it', async (t) => {
	await using node = await Files.start({appendonly: 'yes'});
	node.set('a', '1');
	node.files.rewriteAof();
	t.throws(() => node.files.saveInBackground(false), {message: /Another child process is active \(AOF\?\)/});
	t.is(node.files.saveInBackground(true), 'scheduled');
	t.throws(() => node.files.rewriteAof(), {message: /rewriting already in progress/});
	await node.settled();
	node.files.tick();
	t.true(node.files.rdb.isSaving);
	t.is(node.files.rewriteAof(), 'scheduled');
	t.throws(() => node.files.saveInBackground(true), {message: /Background save already in progress/});
	await node.settled();
	node.files.tick();
	t.true(node.files.aof.isRewriting);
	await node.settled();
	t.is(node.files.aof.rewritesCount, 2);
});

test('while a snapshot is made for a replica there is no BGSAVE, as with the child of redis that makes it', async (t) => {
	await using files = await Files.start({});
	const sink = {isBehind: true, chunk: () => undefined, end: () => undefined, failed: () => undefined};
	const snapshot = files.files.snapshots.begin(sink);
	for (const mayBeScheduled of [false, true]) {
		t.throws(() => files.files.saveInBackground(mayBeScheduled), {
			message: 'ERR Background save already in progress',
		});
	}
	snapshot.cancel();
	t.is(files.files.saveInBackground(false), 'started');
	await files.settled();
});
