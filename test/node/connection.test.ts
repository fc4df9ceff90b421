/** A connection over real sockets, with both transports: every cut of the input, every pace of the reader, every way to end. */
import test from 'ava';
import {Prng} from '../../src/lib/prng.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';
import {
	answerTo,
	clientFields,
	command,
	eventually,
	infoOf,
	isUnharmed,
	pipeline,
	TRANSPORTS,
	Wire,
} from './wire.ts';

const withReference = hasRedisServer() ? test.serial : test.serial.skip;

/** Commands of all shapes, each reply the same whenever the stream is sent. */
const MIXED = [
	command('FLUSHALL'),
	command('SET', 'key', 'value'),
	'PING\r\n',
	command('GET', 'key'),
	'\r\n',
	'*0\r\n',
	'*-1\r\n',
	"SET \"quoted key\" 'single \\' quoted'\n",
	command('GET', 'quoted key'),
	'  ECHO   "a\\x41\\n"\r\n',
	command('MSET', 'a', '', 'b', '\r\n', 'c', '$3\r\n*1\r\n'),
	command('MGET', 'a', 'b', 'c', 'none'),
	command('INCRBY', 'counter', '41'),
	'incr counter\r\n',
	command('NOSUCH', 'x'),
	command('GET'),
	command('SETRANGE', 'key', '10', 'x'.repeat(40)),
	command('GET', 'key'),
	command('DBSIZE'),
].join('');

/** Two round trips on another connection: what was sent before has been read by then. */
async function settle(other: RespClient): Promise<void> {
	await other.ask('PING');
	await other.ask('PING');
}

withReference(
	'a stream of commands of all shapes is answered as by redis-server however it is cut in two',
	async (t) => {
		await using reference = await startRedisServer();
		const whole = await answerTo(reference.port, MIXED + pipeline('QUIT'));
		t.regex(whole, /:6\r\n\+OK\r\n$/);
		const expected = whole.slice(0, -'+OK\r\n'.length);
		for (const transport of TRANSPORTS) {
			await using node = await startShoalNode({transport});
			using other = await RespClient.connect(node.port);
			using wire = await Wire.connect(node.port);
			for (let cut = 0; cut < MIXED.length; cut++) {
				wire.send(MIXED.slice(0, cut));
				await settle(other);
				wire.send(MIXED.slice(cut));
				t.is((await wire.read(expected.length)).toString('latin1'), expected, `${transport}, cut at ${cut}`);
			}
		}
	},
);

for (const transport of TRANSPORTS) {
	const title = (text: string) => `${transport}: ${text}`;

	test.serial(title('a stream of small and large values survives cuts at random places'), async (t) => {
		await using node = await startShoalNode({transport});
		using other = await RespClient.connect(node.port);
		using wire = await Wire.connect(node.port);
		const prng = new Prng(20_240_607);
		for (let round = 0; round < 40; round++) {
			let stream = '';
			let expected = '';
			for (let i = 0; i < 20; i++) {
				const length = prng.below(4) === 0 ? prng.below(200_000) : prng.below(100);
				const value = String.fromCharCode(97 + prng.below(26)).repeat(length);
				const key = `key:${prng.below(10)}`;
				stream += command('SET', key, value) + (prng.below(2) === 0 ? command('GET', key) : `get ${key}\r\n`);
				expected += `+OK\r\n$${length}\r\n${value}\r\n`;
			}
			const cuts = Array.from({length: 1 + prng.below(6)}, () => prng.below(stream.length)).toSorted(
				(a, b) => a - b,
			);
			let from = 0;
			for (const cut of [...cuts, stream.length]) {
				wire.send(stream.slice(from, cut));
				from = cut;
				if (prng.below(2) === 0) await settle(other);
			}
			const received = (await wire.read(expected.length)).toString('latin1');
			t.true(received === expected, `round ${round}`);
		}
	});

	test.serial(title('values around the sizes of buffers come back as they were'), async (t) => {
		await using node = await startShoalNode({transport});
		using wire = await Wire.connect(node.port);
		const sizes = [1, 2, 4, 8].flatMap((times) => [-25, -1, 0, 1, 25].map((off) => times * 16_384 + off));
		sizes.push(127 * 1024, 192 * 1024 + 1, 1024 * 1024 - 1, 1024 * 1024, 3 * 1024 * 1024 + 7);
		for (const size of sizes) {
			const value = Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz0123456789').toString('latin1');
			// The value alone, in the middle of a pipeline, and twice in one command.
			wire.send(command('SET', 'v', value) + command('GET', 'v'));
			t.true(
				(await wire.read(5 + size + 5 + String(size).length)).toString('latin1') ===
					`+OK\r\n$${size}\r\n${value}\r\n`,
				`${size}`,
			);
			wire.send(
				pipeline('PING', 'STRLEN v') +
					command('MSET', 'a', value, 'b', value) +
					pipeline('STRLEN a', 'STRLEN b', 'DEL v'),
			);
			const rest = `+PONG\r\n:${size}\r\n+OK\r\n:${size}\r\n:${size}\r\n:1\r\n`;
			t.is((await wire.read(rest.length)).toString('latin1'), rest);
			wire.send(
				command('APPEND', 'a', 'tail') +
					command('GETRANGE', 'a', '-6', '-1') +
					command('GETRANGE', 'b', '-2', '-1'),
			);
			const tail = `:${size + 4}\r\n$6\r\n${value.slice(-2)}tail\r\n$2\r\n${value.slice(-2)}\r\n`;
			t.is((await wire.read(tail.length)).toString('latin1'), tail);
		}
	});

	test.serial(title('a MSET of 200,000 arguments arrives whole'), async (t) => {
		await using node = await startShoalNode({transport});
		using wire = await Wire.connect(node.port);
		const pairs: string[] = [];
		for (let i = 0; i < 100_000; i++) pairs.push(`k${i}`, `value ${i}`);
		wire.send(command('MSET', ...pairs) + pipeline('DBSIZE', 'GET k0', 'GET k99999'));
		const expected = '+OK\r\n:100000\r\n$7\r\nvalue 0\r\n$11\r\nvalue 99999\r\n';
		t.is((await wire.read(expected.length)).toString(), expected);
	});

	test.serial(
		title('memory for a value of 100 MB follows what arrived, and the value comes back intact'),
		async (t) => {
			await using node = await startShoalNode({transport});
			using other = await RespClient.connect(node.port);
			using wire = await Wire.connect(node.port);
			const size = 100 * 1024 * 1024;
			const value = Buffer.allocUnsafe(size);
			for (let i = 0; i < size; i += 4) value.writeUInt32LE(Math.imul(i, 0x9e3779b1) >>> 0, i);
			const held = async (): Promise<{arrived: number; held: number}> => {
				const fields = await clientFields(other, wire.address);
				const arrived = Number(fields?.get('qbuf'));
				return {arrived, held: arrived + Number(fields?.get('qbuf-free'))};
			};
			const head = `*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${size}\r\n`;
			wire.send(head);
			const announced = await eventually(held, ({arrived}) => arrived === head.length);
			t.true(announced.held < 3 * 1024 * 1024, `announced: ${announced.held}`);
			const part = 10 * 1024 * 1024;
			wire.send(value.subarray(0, part));
			const partly = await eventually(held, ({arrived}) => arrived === head.length + part);
			t.true(partly.held < 3 * part, `partly: ${partly.held}`);
			wire.send(value.subarray(part));
			wire.send('\r\n');
			t.is((await wire.read(5)).toString(), '+OK\r\n');
			t.is((await held()).held, 0);
			t.is(await other.ask('STRLEN', 'big'), size);
			wire.send(pipeline('GET big'));
			const reply = `$${size}\r\n`;
			const received = await wire.read(reply.length + size + 2);
			t.is(received.subarray(0, reply.length).toString(), reply);
			t.true(received.subarray(reply.length, -2).equals(value));
		},
	);

	test.serial(title('512 MB announced and not sent cost the node little'), async (t) => {
		await using node = await startShoalNode({transport});
		using other = await RespClient.connect(node.port);
		using wire = await Wire.connect(node.port);
		const head = `*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${512 * 1024 * 1024}\r\n`;
		wire.send(head);
		const fields = await eventually(
			() => clientFields(other, wire.address),
			(found) => found?.get('qbuf') === String(head.length),
		);
		t.true(Number(fields?.get('tot-mem')) < 3 * 1024 * 1024, fields?.get('tot-mem'));
	});

	test.serial(title('a command that is cut by the end of the connection is not run'), async (t) => {
		await using node = await startShoalNode({transport});
		const whole = command('SET', 'key', 'value');
		for (let cut = 1; cut < whole.length; cut++) {
			using wire = await Wire.connect(node.port);
			wire.send(whole.slice(0, cut));
			wire.socket.end();
			t.is(await wire.readToEnd(), '');
		}
		using wire = await Wire.connect(node.port);
		wire.send('SET key value');
		wire.socket.end();
		t.is(await wire.readToEnd(), '');
		using client = await RespClient.connect(node.port);
		t.is(await client.ask('DBSIZE'), 0);
		client[Symbol.dispose]();
		t.true(await isUnharmed(node.port));
	});

	test.serial(title('who closes his side behind a pipeline still gets every reply'), async (t) => {
		await using node = await startShoalNode({transport});
		using client = await RespClient.connect(node.port);
		const value = 'v'.repeat(1000);
		await client.ask('SET', 'key', value);
		using wire = await Wire.connect(node.port);
		wire.socket.pause();
		wire.send(pipeline('GET key').repeat(20_000));
		wire.socket.end();
		await eventually(
			async () => (await clientFields(client, wire.address))?.get('cmd'),
			(name) => name === undefined || name === 'get',
		);
		wire.socket.resume();
		t.true((await wire.readToEnd()) === `$1000\r\n${value}\r\n`.repeat(20_000));
	});

	test.serial(
		title(
			'100,000 replies of 1 KB wait for a client that reads nothing before it has sent everything, and others are served',
		),
		async (t) => {
			await using node = await startShoalNode({transport});
			using other = await RespClient.connect(node.port);
			const count = 100_000;
			const values = Array.from({length: 10}, (_, i) => String(i).repeat(1024));
			for (const [i, value] of values.entries()) await other.ask('SET', `key:${i}`, value);
			using wire = await Wire.connect(node.port);
			wire.socket.pause();
			wire.send(pipeline(...values.map((_, i) => `GET key:${i}`)).repeat(count / 10));
			await wire.sent();
			await eventually(
				async () => (await clientFields(other, wire.address))?.get('qbuf'),
				(bytes) => bytes === '0',
			);
			await eventually(
				async () => (await infoOf(other, 'commandstats')).get('cmdstat_get')?.match(/calls=(\d+)/)?.[1],
				(calls) => calls === String(count),
			);
			t.is(await other.ask('PING'), 'PONG');
			const fields = await clientFields(other, wire.address);
			t.true(Number(fields?.get('omem')) > 50 * 1024 * 1024, fields?.get('omem'));
			wire.socket.resume();
			const block = Buffer.from(values.map((value) => `$1024\r\n${value}\r\n`).join(''));
			const received = await wire.read((block.length * count) / 10);
			t.is(received.length, (block.length * count) / 10);
			let same = true;
			for (let at = 0; at < received.length; at += block.length) {
				if (!received.subarray(at, at + block.length).equals(block)) same = false;
			}
			t.true(same);
			const after = await eventually(
				() => clientFields(other, wire.address),
				(found) => found?.get('omem') === '0',
			);
			t.is(after?.get('oll'), '0');
		},
	);

	test.serial(
		title('small replies that had to wait go out as the client reads, without another command'),
		async (t) => {
			await using node = await startShoalNode({transport});
			using other = await RespClient.connect(node.port);
			await other.ask('SET', 'key', 'v'.repeat(2000));
			using wire = await Wire.connect(node.port);
			wire.socket.pause();
			// One command at a time, until the kernel takes no more.
			let count = 0;
			for (;;) {
				wire.send(pipeline('GET key'));
				count++;
				const fields = await clientFields(other, wire.address);
				if (Number(fields?.get('omem')) > 20_000) break;
			}
			wire.socket.resume();
			const expected = `$2000\r\n${'v'.repeat(2000)}\r\n`.repeat(count);
			t.true((await wire.read(expected.length)).toString() === expected);
		},
	);

	test.serial(
		title('connections that are reset in the middle of everything leave nothing behind'),
		async (t) => {
			await using node = await startShoalNode({transport});
			using client = await RespClient.connect(node.port);
			await client.ask('SET', 'key', 'v'.repeat(100_000));
			const prng = new Prng(7);
			for (let i = 0; i < 60; i++) {
				const wire = await Wire.connect(node.port);
				wire.socket.pause();
				const stream = pipeline('GET key', 'PING').repeat(1 + prng.below(60));
				wire.send(stream.slice(0, 1 + prng.below(stream.length)));
				if (prng.below(2) === 0) await client.ask('PING');
				wire.socket.resetAndDestroy();
			}
			client[Symbol.dispose]();
			t.true(await isUnharmed(node.port));
		},
	);
}
