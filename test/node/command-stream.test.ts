/** What goes on of a command to replicas and the append-only file: compared with the stream that redis-server sends its replicas. */
import test from 'ava';
import {latin1} from '../../src/lib/bytes.ts';
import {ReplyParser, type Reply} from '../../src/resp/reply-parser.ts';
import {encodeCommand, RawClient} from '../helpers/raw-client.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import type {StreamConsumer} from '../../src/node/command-stream.ts';
import {openDoor, type Door} from './door.ts';

const withReference = hasRedisServer() ? test : test.skip;

class Recorder implements StreamConsumer {
	wantsCommands = true;
	text = '';

	take(bytes: Uint8Array, from: number, to: number): void {
		this.text += latin1(bytes, from, to);
	}
}

function record(door: Door): Recorder {
	const recorder = new Recorder();
	door.frontend.executor.stream.addConsumer(recorder);
	return recorder;
}

/** The commands of a stream as lines of words. */
function commandsOf(stream: string): string[] {
	const found: string[] = [];
	new ReplyParser().feed(Buffer.from(stream, 'latin1'), (reply: Reply) =>
		found.push((reply as Uint8Array[]).map((word) => Buffer.from(word).toString('latin1')).join(' ')),
	);
	return found;
}

const LINES: readonly string[] = [
	'SET plain value',
	'SET plain other NX',
	'SET nx value NX',
	'SET plain value XX',
	'SET seconds value EX 1000',
	'SET milliseconds value PX 1000000',
	'SET at value EXAT 4102444800',
	'SET at value PXAT 4102444800000 NX',
	'SET at value PXAT 4102444800000 XX GET',
	'SET at kept KEEPTTL',
	'SET plain got GET',
	'GET plain',
	'SETEX ex 1000 value',
	'PSETEX px 1000000 value',
	'SETNX plain no',
	'GETSET plain swapped',
	'GETDEL nx',
	'GETDEL nx',
	'GETEX plain',
	'GETEX plain EX 1000',
	'GETEX plain PXAT 4102444800000',
	'GETEX plain PERSIST',
	'GETEX plain PERSIST',
	'EXPIRE plain 1000',
	'PEXPIRE plain 1000000',
	'EXPIREAT plain 4102444800',
	'PEXPIREAT plain 4102444800000',
	'EXPIRE missing 1000',
	'PERSIST plain',
	'PERSIST plain',
	'EXPIRE plain -1',
	'INCR number',
	'INCRBY number 10',
	'DECR number',
	'INCRBYFLOAT number 1.5',
	'INCR number',
	'APPEND plain tail',
	'SETRANGE plain 2 xy',
	'SETRANGE plain 0 ""',
	'SETBIT bits 7 1',
	'BITFIELD bits SET u8 0 255 GET u8 8',
	'BITFIELD bits GET u8 8',
	'BITOP NOT negated bits',
	'MSET a 1 b 2',
	'MSETNX c 3 d 4',
	'MSETNX c 3 e 4',
	'DEL a nothing',
	'DEL nothing',
	'UNLINK b',
	'RENAME c e',
	'COPY d f',
	'COPY d f',
	'SELECT 1',
	'SET elsewhere 1',
	'MOVE elsewhere 0',
	'SELECT 0',
	'MOVE elsewhere 1',
	'SWAPDB 0 1',
	'TOUCH elsewhere',
	'SET gone value PX 1',
	'FLUSHDB',
	'FLUSHDB ASYNC',
	'FLUSHALL',
];

/** Times that depend on when the test ran. */
const masked = (line: string): string =>
	line.replaceAll(/\b1[6-9]\d{11}\b|\b[23]\d{12}\b/g, 'TIME').replace(/^(\w+)/, (name) => name.toUpperCase());

withReference('the stream of every command is that of redis-server', async (t) => {
	const door = openDoor();
	const recorder = record(door);
	const link = door.enter();
	await using redis = await startRedisServer();
	const replica = await RawClient.connect(redis.port);
	const client = await RawClient.connect(redis.port);
	t.teardown(() => {
		replica.close();
		client.close();
	});
	client.send(encodeCommand(['CONFIG', 'SET', 'repl-diskless-sync-delay', '0']));
	await client.readUntil('\r\n');
	replica.send('SYNC\r\n');
	const header = latin1(await replica.readUntil('\r\n')).trim();
	// Newlines keep the link alive until the file is there.
	const [, length = ''] =
		/\$(\d+)/.exec(header === '' ? latin1(await replica.readUntil('\r\n')) : header) ?? [];
	await replica.readBytes(Number(length));
	for (const line of LINES) {
		const words = line.split(' ').map((word) => (word === '""' ? '' : word));
		link.receive(encodeCommand(words));
		client.send(encodeCommand(words));
	}
	for (const end of ['SET the end']) {
		link.receive(encodeCommand(end.split(' ')));
		client.send(encodeCommand(end.split(' ')));
	}
	door.frontend.executor.stream.flush();
	const theirs = latin1(await replica.readUntil('the\r\n$3\r\nend\r\n'));
	const expected = commandsOf(theirs).filter((line) => line !== 'PING' && line !== 'ping');
	t.deepEqual(commandsOf(recorder.text).map(masked), expected.map(masked));
});

test('nothing is encoded while nobody follows', (t) => {
	const door = openDoor();
	const recorder = record(door);
	const link = door.enter();
	recorder.wantsCommands = false;
	link.receive(encodeCommand(['SET', 'a', '1']));
	t.false(door.frontend.executor.stream.isPending);
	recorder.wantsCommands = true;
	link.receive(encodeCommand(['SET', 'b', '2']));
	door.frontend.output.flush();
	t.deepEqual(commandsOf(recorder.text), ['SELECT 0', 'SET b 2']);
});

test('the stream goes out before the replies of its commands', (t) => {
	const door = openDoor();
	const link = door.enter();
	let sentBefore = 'never';
	door.frontend.executor.stream.addConsumer({
		wantsCommands: true,
		take: () => {
			sentBefore = link.sent;
		},
	});
	link.receive(encodeCommand(['SET', 'a', '1']) + encodeCommand(['SET', 'b', '2']));
	door.frontend.output.flush();
	t.is(sentBefore, '');
	t.is(link.sent, '+OK\r\n+OK\r\n');
});

test('a line of words goes on in the form of the protocol, and a reader who begins is told the database', (t) => {
	const door = openDoor();
	const recorder = record(door);
	const link = door.enter();
	link.receive('SET a "b c"\r\n');
	door.frontend.executor.stream.selectAgain();
	link.receive('SET a d\r\n');
	door.frontend.executor.stream.flush();
	t.deepEqual(commandsOf(recorder.text), ['SELECT 0', 'SET a b c', 'SELECT 0', 'SET a d']);
});

test('a failed command leaves nothing', (t) => {
	const door = openDoor();
	const recorder = record(door);
	const link = door.enter();
	link.receive(encodeCommand(['SET', 'a', 'text']));
	link.receive(encodeCommand(['INCR', 'a']));
	link.receive(encodeCommand(['SET', 'a', 'b', 'EX', '0']));
	door.frontend.executor.stream.flush();
	t.deepEqual(commandsOf(recorder.text), ['SELECT 0', 'SET a text']);
});
