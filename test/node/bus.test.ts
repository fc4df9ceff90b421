import {MessageChannel, type MessagePort} from 'node:worker_threads';
import {Packr} from 'msgpackr';
import test, {type ExecutionContext} from 'ava';
import type {BusMessage, Header} from '../../src/cluster/messages.ts';
import type {NodeId} from '../../src/cluster/node-id.ts';
import {MeshBus} from '../../src/node/bus.ts';
import {encodeFrame, joinFrames} from '../../src/node/bus-frames.ts';
import type {BusReceiver} from '../../src/node/ports.ts';
import {Mesh} from './mesh.ts';

const A = 'a'.repeat(40) as NodeId;
const B = 'b'.repeat(40) as NodeId;

const header: Header = {
	sender: A,
	sequence: 0,
	flags: 2,
	currentEpoch: 2 ** 40,
	configEpoch: 7,
	replicationOffset: 0,
	slots: new Uint8Array(2048).fill(1, 3, 9),
	primary: null,
	host: '127.0.0.1',
	port: 7000,
	busPort: 17_000,
	hostname: '',
	shardId: A,
	ok: true,
	pausedFor: null,
};
const ping: BusMessage = {
	type: 'ping',
	header,
	gossip: [
		{
			node: B,
			host: '::1',
			port: 7001,
			busPort: 17_001,
			flags: 2,
			pingSentAt: 0,
			pongReceivedAt: 1_700_000_000_123,
		},
	],
};
const fail: BusMessage = {type: 'fail', header, about: B};
const update: BusMessage = {
	type: 'update',
	header,
	node: B,
	configEpoch: 9,
	slots: new Uint8Array(2048).fill(255),
};

/** Notes what it is told; `next` waits for the next thing. */
class NotedReceiver implements BusReceiver {
	readonly told: unknown[][] = [];
	#nextLink: number;
	#waiting: (() => void)[] = [];

	constructor(firstLink: number) {
		this.#nextLink = firstLink;
	}
	opened(link: number): void {
		this.#tell('opened', link);
	}
	refused(link: number): void {
		this.#tell('refused', link);
	}
	accepted(fromHost: string): number {
		this.#tell('accepted', fromHost, this.#nextLink);
		return this.#nextLink++;
	}
	received(link: number, message: BusMessage | null): void {
		this.#tell('received', link, message);
	}
	closed(link: number): void {
		this.#tell('closed', link);
	}
	async count(count: number): Promise<void> {
		while (this.told.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
	}
	#tell(...what: unknown[]): void {
		this.told.push(what);
		for (const resolve of this.#waiting.splice(0)) resolve();
	}
}

interface Pair {
	readonly mesh: Mesh;
	readonly one: MeshBus;
	readonly other: MeshBus;
	readonly atOne: NotedReceiver;
	readonly atOther: NotedReceiver;
}

/** Two buses; link 1 of the first is link 100 of the second. */
async function linkedPair(t: ExecutionContext): Promise<Pair> {
	const mesh = new Mesh();
	const [one, other] = [mesh.bus('127.0.0.1', 17_000), mesh.bus('127.0.0.2', 17_001)];
	const [atOne, atOther] = [new NotedReceiver(100), new NotedReceiver(100)];
	one.start(atOne);
	other.start(atOther);
	t.teardown(() => {
		one.stop();
		other.stop();
	});
	one.connect(1, '127.0.0.2', 17_001);
	await atOne.count(1);
	t.deepEqual(atOne.told.splice(0), [['opened', 1]]);
	t.deepEqual(atOther.told.splice(0), [['accepted', '127.0.0.1', 100]]);
	return {mesh, one, other, atOne, atOther};
}

const turn = (): Promise<void> => new Promise(setImmediate);

test('messages of every type arrive as they were sent, in both directions of a link', async (t) => {
	const {one, other, atOne, atOther} = await linkedPair(t);
	for (const message of [ping, fail, update]) one.send(1, message);
	await atOther.count(3);
	t.deepEqual(
		atOther.told,
		[ping, fail, update].map((message) => ['received', 100, message]),
	);
	other.send(100, {...ping, type: 'pong'});
	await atOne.count(1);
	t.deepEqual(atOne.told, [['received', 1, {...ping, type: 'pong'}]]);
});

test('messages of one turn travel in one post', async (t) => {
	const {port1, port2} = new MessageChannel();
	t.teardown(() => port2.close());
	const posted: unknown[] = [];
	port2.on('message', (data: unknown) => posted.push(data));
	const bus = acceptedOn(t, port1).bus;
	for (let i = 0; i < 5; i++) bus.send(100, ping);
	t.deepEqual(bus.buffer(100).pendingBytes, (encodeFrame(ping).length + 4) * 5);
	while (posted.length < 2) await turn();
	bus.send(100, ping);
	while (posted.length < 3) await turn();
	const frame = encodeFrame(ping);
	t.deepEqual(posted.slice(1), [joinFrames(Array.from({length: 5}, () => frame)), joinFrames([frame])]);
});

/** A bus whose link 100 ends in `port`'s other end. */
function acceptedOn(t: ExecutionContext, port: MessagePort): {bus: MeshBus; receiver: NotedReceiver} {
	const bus = new MeshBus(() => t.fail('nothing is asked for'));
	const receiver = new NotedReceiver(100);
	bus.start(receiver);
	bus.answered({kind: 'bus-accept', port, fromIndex: 0, fromHost: '127.0.0.9', fromBusPort: 1});
	t.teardown(() => bus.stop());
	return {bus, receiver};
}

test('a link to an address where nobody is, is refused', async (t) => {
	const {one, atOne} = await linkedPair(t);
	one.connect(2, '127.0.0.3', 1);
	await atOne.count(1);
	t.deepEqual(atOne.told, [['refused', 2]]);
	one.send(2, ping);
	t.deepEqual(one.buffer(2), {pendingBytes: 0, allocatedBytes: 0});
});

test('a link given up before it was there is closed when it comes', async (t) => {
	const {one, atOne, atOther} = await linkedPair(t);
	one.connect(2, '127.0.0.2', 17_001);
	one.close(2);
	await atOther.count(2);
	t.deepEqual(atOther.told, [
		['accepted', '127.0.0.1', 101],
		['closed', 101],
	]);
	t.deepEqual(atOne.told, []);
});

test('what was sent before a close arrives, then the other end hears of the close, and the closing end of nothing', async (t) => {
	const {one, atOne, atOther} = await linkedPair(t);
	one.send(1, fail);
	one.flush();
	one.close(1);
	await atOther.count(2);
	t.deepEqual(atOther.told, [
		['received', 100, fail],
		['closed', 100],
	]);
	await turn();
	t.deepEqual(atOne.told, []);
});

test('nothing is received from a link after it was closed, not even the rest of a batch', async (t) => {
	const {one, other, atOther} = await linkedPair(t);
	const received = atOther.received.bind(atOther);
	atOther.received = (link, message) => {
		received(link, message);
		other.close(link);
	};
	one.send(1, ping);
	one.send(1, fail);
	await atOther.count(1);
	await turn();
	await turn();
	t.deepEqual(atOther.told, [['received', 100, ping]]);
});

test('the send buffer holds what the other end has not taken', async (t) => {
	const {one, other, atOther} = await linkedPair(t);
	const size = encodeFrame(ping).length + 4;
	one.send(1, ping);
	t.is(one.buffer(1).pendingBytes, size);
	one.flush();
	t.is(one.buffer(1).pendingBytes, size, 'posted, not taken yet');
	await atOther.count(1);
	t.is(one.buffer(1).pendingBytes, 0);
	t.is(other.buffer(100).pendingBytes, 0);
});

test('hostile frames are counted, told as no message, and what comes behind them is read', async (t) => {
	const {port1, port2} = new MessageChannel();
	t.teardown(() => port2.close());
	const {bus, receiver} = acceptedOn(t, port1);
	const packr = new Packr({useRecords: false});
	const hostile: readonly Uint8Array[] = [
		new Uint8Array(0),
		Uint8Array.of(0xc1),
		// An array of four billion elements that are not there.
		Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff),
		packr.pack(null),
		packr.pack('ping'),
		packr.pack({type: 'ping'}),
		packr.pack({...ping, type: 'constructor'}),
		packr.pack({...ping, header: {...header, sender: 'nobody'}}),
		packr.pack({...ping, header: {...header, slots: new Uint8Array(10)}}),
		packr.pack({...ping, gossip: [{}]}),
		packr.pack({...fail, about: 7}),
		packr.pack({...update, configEpoch: -1}),
	];
	port2.postMessage(joinFrames([...hostile, encodeFrame(fail)]));
	await receiver.count(1 + hostile.length + 1);
	t.deepEqual(
		receiver.told.slice(1, -1),
		hostile.map(() => ['received', 100, null]),
	);
	t.deepEqual(receiver.told.at(-1), ['received', 100, fail]);
	t.is(bus.droppedFrames, hostile.length);
});

test('a batch that is cut, and posts that are no batch, are dropped and counted', async (t) => {
	const {port1, port2} = new MessageChannel();
	t.teardown(() => port2.close());
	const {bus, receiver} = acceptedOn(t, port1);
	const whole = joinFrames([encodeFrame(fail), encodeFrame(fail)]);
	for (const post of ['hello', null, 7, {taken: 1}, {taken: new SharedArrayBuffer(64)}])
		port2.postMessage(post);
	port2.postMessage(whole.subarray(0, whole.length - 1));
	port2.postMessage(Uint8Array.of(255, 255, 255, 255));
	port2.postMessage(Uint8Array.of(1, 2));
	await receiver.count(5);
	t.deepEqual(
		receiver.told.slice(1),
		[fail, null, null, null].map((message) => ['received', 100, message]),
	);
	t.is(bus.droppedFrames, 8);
});

test('a stopped bus closes its links and takes no more', async (t) => {
	const {one, other, atOne, atOther} = await linkedPair(t);
	one.send(1, ping);
	one.stop();
	await atOther.count(2);
	t.deepEqual(atOther.told, [
		['received', 100, ping],
		['closed', 100],
	]);
	other.connect(50, '127.0.0.1', 17_000);
	await atOther.count(4);
	t.deepEqual(atOther.told.slice(2), [
		['opened', 50],
		['closed', 50],
	]);
	t.deepEqual(atOne.told, []);
});
