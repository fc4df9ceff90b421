/** The acceptance kit of the transport seam: every transport behaves alike, seen from both ends of real sockets. */
import test from 'ava';
import {connect, type Socket} from 'node:net';
import {once} from 'node:events';
import {handleTransport, selfCheck} from '../../src/node/handle-transport.ts';
import {socketTransport} from '../../src/node/socket-transport.ts';
import type {Link, LinkHandler, Listener, Transport} from '../../src/node/transport.ts';

const handle = handleTransport();
const transports: readonly Transport[] = handle === null ? [socketTransport] : [socketTransport, handle];

interface Peer {
	readonly link: Link;
	readonly received: Uint8Array[];
	ended: boolean;
	closedCount: number;
	drainedCount: number;
}

interface Meeting {
	readonly listener: Listener;
	readonly client: Socket;
	readonly peer: Peer;
}

/** A client connected to the transport, with what the transport's side saw. `onData` may answer. */
async function meet(transport: Transport, onData?: (peer: Peer) => void): Promise<Meeting> {
	let met: (peer: Peer) => void = () => undefined;
	const meeting = new Promise<Peer>((resolve) => {
		met = resolve;
	});
	const listener = await transport.listen({host: '127.0.0.1', port: 0, backlog: 16}, (link): LinkHandler => {
		const peer: Peer = {link, received: [], ended: false, closedCount: 0, drainedCount: 0};
		met(peer);
		return {
			onData(region, length) {
				peer.received.push(region.bytes.slice(0, length));
				onData?.(peer);
			},
			onEnd() {
				peer.ended = true;
				link.end();
			},
			onDrain() {
				peer.drainedCount++;
			},
			onClose() {
				peer.closedCount++;
			},
		};
	});
	const client = connect(listener.port, '127.0.0.1');
	client.on('error', () => undefined);
	await once(client, 'connect');
	return {listener, client, peer: await meeting};
}

const bytesOf = (peer: Peer): Buffer => Buffer.concat(peer.received);

/** Resolves when `holds` does: looked at each turn of the event loop, given up by the test's own time-out. */
async function until(holds: () => boolean): Promise<void> {
	while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

async function readBytes(client: Socket, length: number): Promise<Buffer> {
	const chunks: Buffer[] = [];
	let total = 0;
	for await (const chunk of client.iterator({destroyOnReturn: false}) as AsyncIterable<Buffer>) {
		chunks.push(chunk);
		total += chunk.length;
		if (total >= length) break;
	}
	return Buffer.concat(chunks);
}

for (const transport of transports) {
	const title = (text: string) => `${transport.name} transport: ${text}`;

	test(title('knows both addresses of a link'), async (t) => {
		const {listener, client, peer} = await meet(transport);
		t.is(peer.link.remoteAddress, '127.0.0.1');
		t.is(peer.link.remotePort, client.localPort ?? -1);
		t.is(peer.link.localPort, listener.port);
		t.is(peer.link.localAddress, '127.0.0.1');
		client.destroy();
		await listener.close();
	});

	test(title('a port in use is refused with the code of the system'), async (t) => {
		const {listener, client} = await meet(transport);
		await t.throwsAsync(
			transport.listen({host: '127.0.0.1', port: listener.port, backlog: 1}, () => t.fail()),
			{code: 'EADDRINUSE'},
		);
		client.destroy();
		await listener.close();
	});

	test(title('bytes arrive in order, whatever the chunks'), async (t) => {
		const {listener, client, peer} = await meet(transport);
		const sent = Buffer.alloc(1_000_000);
		for (let i = 0; i < sent.length; i++) sent[i] = (i * 31) ^ (i >> 8);
		for (let at = 0, size = 1; at < sent.length; at += size, size = (size * 7) % 70_001) {
			client.write(sent.subarray(at, at + size));
		}
		await until(() => bytesOf(peer).length === sent.length);
		t.deepEqual(bytesOf(peer), sent);
		client.destroy();
		await listener.close();
	});

	test(
		title('writes up to the kernel’s room are taken at once, and the rest stays queued until the peer reads'),
		async (t) => {
			const {listener, client, peer} = await meet(transport);
			client.pause();
			t.true(peer.link.write(Buffer.from('small'), 0, 5));
			t.is(peer.link.queuedBytes, 0);
			const large = new Uint8Array(16 * 1024 * 1024).fill(9);
			t.false(peer.link.write(large, 0, large.length));
			t.true(peer.link.queuedBytes > 0);
			const received = await readBytes(client, 5 + large.length);
			t.is(received.length, 5 + large.length);
			t.true(received.subarray(5).every((byte) => byte === 9));
			await until(() => peer.drainedCount > 0);
			t.is(peer.link.queuedBytes, 0);
			client.destroy();
			await listener.close();
		},
	);

	test(title('who sends much is served a chunk at a time, so that others get their turn'), async (t) => {
		const MANY = 3 * 1024 * 1024;
		let ofMany = 0;
		let ofManyBeforeOther = -1;
		const listener = await transport.listen({host: '127.0.0.1', port: 0, backlog: 16}, (link) => ({
			onData(region, length) {
				if (region.bytes[0] === 1) ofMany += length;
				else ofManyBeforeOther = ofMany;
			},
			onEnd: () => link.end(),
			onDrain: () => undefined,
			onClose: () => undefined,
		}));
		const [many, other] = [connect(listener.port, '127.0.0.1'), connect(listener.port, '127.0.0.1')];
		await Promise.all([once(many, 'connect'), once(other, 'connect')]);
		await until(() => many.readyState === 'open' && other.readyState === 'open');
		// Both are in the kernel before the transport's side, in this same thread, reads either.
		many.write(new Uint8Array(MANY).fill(1));
		other.write(new Uint8Array([2]));
		await until(() => ofManyBeforeOther >= 0 && ofMany === MANY);
		t.true(ofManyBeforeOther <= 3 * 64 * 1024, `${ofManyBeforeOther} bytes came before`);
		many.destroy();
		other.destroy();
		await listener.close();
	});

	test(title('the end of the peer is told after its last bytes, and replies still reach it'), async (t) => {
		const {listener, client, peer} = await meet(transport, ({link}) => {
			link.write(Buffer.from('reply'), 0, 5);
		});
		client.end('question');
		t.is((await readBytes(client, 5)).toString(), 'reply');
		await until(() => peer.closedCount === 1);
		t.true(peer.ended);
		t.is(bytesOf(peer).toString(), 'question');
		await listener.close();
	});

	test(title('end() sends what waits before it closes'), async (t) => {
		const {listener, client, peer} = await meet(transport);
		const large = new Uint8Array(8 * 1024 * 1024).fill(1);
		peer.link.write(large, 0, large.length);
		peer.link.end();
		const received = await readBytes(client, large.length);
		t.is(received.length, large.length);
		await until(() => peer.closedCount === 1);
		await listener.close();
	});

	test(title('destroy() closes at once, tells of it once, and later calls do nothing'), async (t) => {
		const {listener, client, peer} = await meet(transport);
		const closed = once(client, 'close');
		peer.link.destroy();
		client.resume();
		await closed;
		await until(() => peer.closedCount === 1);
		peer.link.destroy();
		peer.link.end();
		peer.link.setKeepAlive(10);
		peer.link.setNoDelay(false);
		t.true(peer.link.write(Buffer.from('x'), 0, 1) || peer.link.queuedBytes >= 0);
		await new Promise((resolve) => setImmediate(resolve));
		t.is(peer.closedCount, 1);
		await listener.close();
	});

	test(title('a peer that resets its connection is a close like any other'), async (t) => {
		const {listener, client, peer} = await meet(transport);
		client.resetAndDestroy();
		await until(() => peer.closedCount === 1);
		t.is(peer.closedCount, 1);
		await listener.close();
	});

	test(title('a closed listener frees its port and keeps its links'), async (t) => {
		const {listener, client, peer} = await meet(transport);
		void listener.close();
		client.write('still here');
		await until(() => bytesOf(peer).length === 10);
		client.destroy();
		await until(() => peer.closedCount === 1);
		const again = await transport.listen({host: '127.0.0.1', port: listener.port, backlog: 1}, () =>
			t.fail(),
		);
		t.is(again.port, listener.port);
		await again.close();
	});
}

test('the self-check passes on every Node that this suite runs on', async (t) => {
	t.true(await selfCheck(30_000));
});
