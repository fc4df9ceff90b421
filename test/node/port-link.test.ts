import {once} from 'node:events';
import {MessageChannel} from 'node:worker_threads';
import test from 'ava';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {openPortLink} from '../../src/node/port-link.ts';
import type {Link} from '../../src/node/transport.ts';

/** One end of a link and what it heard. */
class End {
	link!: Link;
	received = '';
	receivedBytes = 0;
	drainCount = 0;
	isClosed = false;
	/** Called with each chunk, before the link counts it as taken. */
	onChunk: () => void = () => undefined;
	#look: () => void = () => undefined;

	readonly accept = (link: Link) => {
		this.link = link;
		return {
			onData: ({bytes}: {readonly bytes: Uint8Array}, length: number) => {
				if (this.receivedBytes < 1000) this.received += latin1(bytes, 0, length);
				this.receivedBytes += length;
				this.onChunk();
				this.#look();
			},
			onEnd: () => undefined,
			onDrain: () => {
				this.drainCount++;
				this.#look();
			},
			onClose: () => {
				this.isClosed = true;
				this.#look();
			},
		};
	};

	async until(condition: () => boolean): Promise<void> {
		while (!condition()) await new Promise<void>((resolve) => (this.#look = resolve));
	}

	say(text: string): void {
		const bytes = latin1ToBytes(text);
		this.link.write(bytes, 0, bytes.length);
	}
}

function connected(): {readonly a: End; readonly b: End} {
	const {port1, port2} = new MessageChannel();
	const [a, b] = [new End(), new End()];
	const here = {localAddress: '127.0.0.1', localPort: 7000, remoteAddress: '127.0.0.1', remotePort: 7001};
	openPortLink(port1, here, a.accept);
	openPortLink(port2, {...here, localPort: 7001, remotePort: 7000}, b.accept);
	return {a, b};
}

test('bytes arrive in order, both ways, and may be written over at once', async (t) => {
	const {a, b} = connected();
	const bytes = latin1ToBytes('xxhelloxx');
	t.true(a.link.write(bytes, 2, 7));
	bytes.fill(0);
	a.say(' there');
	b.say('and back');
	await b.until(() => b.received === 'hello there');
	await a.until(() => a.received === 'and back');
	t.is(b.link.remotePort, 7000);
	a.link.destroy();
	await b.until(() => b.isClosed);
});

test('a link that is over its window is full until the other end has taken half of it', async (t) => {
	const {a, b} = connected();
	const megabyte = new Uint8Array(1024 * 1024);
	t.true(a.link.write(megabyte, 0, megabyte.length));
	t.is(a.link.queuedBytes, 0);
	t.true(a.link.write(megabyte, 0, megabyte.length));
	t.is(a.link.queuedBytes, 2 * megabyte.length);
	t.is(a.drainCount, 0);
	await a.until(() => a.drainCount > 0);
	t.is(a.link.queuedBytes, 0);
	t.is(b.receivedBytes, 2 * megabyte.length);
	t.is(a.drainCount, 1);
	a.link.destroy();
	await b.until(() => b.isClosed);
});

test('what was written before the end arrives, and both ends hear of it once', async (t) => {
	const {a, b} = connected();
	a.say('last words');
	a.link.end();
	a.say('too late');
	await b.until(() => b.isClosed);
	await a.until(() => a.isClosed);
	t.is(b.received, 'last words');
});

test('a handler may end the link in the middle of a chunk', async (t) => {
	const {a, b} = connected();
	b.onChunk = () => b.link.destroy();
	a.say('one');
	a.say('two');
	await a.until(() => a.isClosed);
	await b.until(() => b.isClosed);
	t.is(b.received, 'one');
});

test('what is no chunk of bytes is ignored', async (t) => {
	const {port1, port2} = new MessageChannel();
	const end = new End();
	openPortLink(port1, {localAddress: '', localPort: 0, remoteAddress: '', remotePort: 0}, end.accept);
	for (const nonsense of [null, 7, 'text', {counter: 1}, {counter: new SharedArrayBuffer(3)}, [1]])
		port2.postMessage(nonsense);
	port2.postMessage(latin1ToBytes('sense'));
	await end.until(() => end.received === 'sense');
	port2.close();
	await once(port2, 'close');
	await end.until(() => end.isClosed);
	t.pass();
});
