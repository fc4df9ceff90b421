/** Bytes that no client sends: the same last words and the same close as redis-server, and a node that is none the worse. */
import test from 'ava';
import {Prng} from '../../src/lib/prng.ts';
import {hasRedisServer, startRedisServer, type RedisServer} from '../helpers/redis-server.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {startShoalNode, type ShoalNode} from '../helpers/shoal-node.ts';
import {answerTo, command, eventually, infoOf, isUnharmed, pipeline, TRANSPORTS, Wire} from './wire.ts';

const withReference = hasRedisServer() ? test : test.skip;

const PASSWORD = 'secret';
const QUIT = pipeline('QUIT');

/** Each is followed by QUIT: it shows whether the connection lived on. */
const CASES: readonly (readonly [title: string, bytes: string])[] = [
	['a count that is no number', '*x\r\n'],
	['a count above what an int holds', '*2147483648\r\n'],
	['a count far above', '*99999999999999999999\r\n'],
	['a count with a sign', '*+1\r\n$4\r\nPING\r\n'],
	['a count with a leading zero', '*01\r\n$4\r\nPING\r\n'],
	['a count with a blank', '* 1\r\n$4\r\nPING\r\n'],
	['an empty count', '*\r\n'],
	['a negative count', '*-5\r\nPING\r\n'],
	['no arguments', '*0\r\nPING\r\n'],
	['a count without end', `*${'1'.repeat(200_000)}`],
	['no dollar', '*1\r\n:4\r\nPING\r\n'],
	['a line end in place of the dollar', '*1\r\n\r\nPING\r\n'],
	['a high byte in place of the dollar', '*1\r\n\xff4\r\nPING\r\n'],
	['a length that is no number', '*1\r\n$x\r\nPING\r\n'],
	['a negative length', '*1\r\n$-1\r\nPING\r\n'],
	['a length above proto-max-bulk-len', '*2\r\n$3\r\nGET\r\n$536870913\r\n'],
	['a length far above', '*2\r\n$3\r\nGET\r\n$99999999999999999999\r\n'],
	['a length without end', `*1\r\n$${'1'.repeat(200_000)}`],
	['a length with a blank', '*1\r\n$4 \r\nPING\r\n'],
	['other bytes where a line should end', '*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n'],
	['quotes that do not close', 'SET a "b\r\n'],
	['text behind closing quotes', 'SET a "b"c\r\n'],
	['single quotes that do not close', "SET a 'b\r\n"],
	['a line without end', 'x'.repeat(200_000)],
	['a line of nearly 64 KB', `ECHO ${'x'.repeat(65_000)}\r\n`],
	['only line ends', '\r\n\r\n\n\n\r\n'],
	['an empty command name', '*1\r\n$0\r\n\r\n'],
	['an empty command name as a word', '""\r\n'],
	['a web request', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\nSET a b\r\n'],
	['a web form', 'POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nSET a b\r\n'],
	['a post in small letters', 'post /\r\nPING\r\n'],
	['a post as an array', command('POST', '/') + pipeline('PING')],
	['a host as an array', command('host:', 'x') + pipeline('PING')],
	['replies before the attack', `${pipeline('PING', 'SET hostile 1')}*1\r\n!\r\n${pipeline('PING')}`],
	['an unknown command with ends of lines in it', command('NO\r\nSUCH', 'a\r\nb', 'c'.repeat(300))],
	['a subcommand that is none', command('CLIENT', 'NO\nSUCH')],
	['a command name of 200 bytes', command('N'.repeat(200), 'x')],
];

/** Redis waits for more behind these: only the end of the stream ends them. */
const ENDLESS_CASES: readonly (readonly [title: string, bytes: string])[] = [
	['a NUL in place of the dollar', '*1\r\n\0\r\nPING\r\n'],
	['a line of NULs', '\0\0\0\0\r\nPING\r\n'],
	['a NUL within a line', 'PING\r\nPI\0NG\r\n'],
	['a cut command', '*2\r\n$4\r\nECHO\r\n$5\r\nhel'],
];

/** Of a client that has not said who it is. */
const STRANGER_CASES: readonly (readonly [title: string, bytes: string])[] = [
	['ten arguments', command('PING', ...'123456789'.split(''))],
	['eleven arguments', command('PING', ...'1234567890'.split(''))],
	['an argument of 16,384 bytes', command('ECHO', 'x'.repeat(16_384))],
	['an argument of 16,385 bytes', command('ECHO', 'x'.repeat(16_385))],
	['a line of eleven words', 'PING 1 2 3 4 5 6 7 8 9 10\r\n'],
	['an unknown command', command('NOSUCH')],
	['a wrong number of arguments', command('GET')],
	[
		'a wrong password, then the right one in one go',
		pipeline('AUTH nope', `AUTH ${PASSWORD}`, 'PING') + command('ECHO', 'x'.repeat(20_000)),
	],
	['what may be said without a password', pipeline('HELLO 3', 'RESET', 'QUIT')],
	[
		'what may not',
		pipeline('PING', 'GET a', 'CLIENT ID', 'COMMAND COUNT', 'CLUSTER INFO', 'SHUTDOWN NOW', 'DEBUG SEGFAULT'),
	],
	['RESET takes the right away again', pipeline(`AUTH ${PASSWORD}`, 'PING', 'RESET', 'PING')],
];

let reference: RedisServer;
let guarded: RedisServer;
const nodes: ShoalNode[] = [];
const guardedNodes: ShoalNode[] = [];

test.before(async () => {
	for (const transport of TRANSPORTS) {
		nodes.push(await startShoalNode({transport}));
		guardedNodes.push(await startShoalNode({transport, config: {requirepass: PASSWORD}}));
	}
	if (!hasRedisServer()) return;
	reference = await startRedisServer();
	guarded = await startRedisServer({password: PASSWORD});
});

test.after.always(async () => {
	await Promise.all([...nodes, ...guardedNodes].map((node) => node.stop()));
	await Promise.all([reference?.stop(), guarded?.stop()]);
});

for (const [title, bytes] of CASES) {
	withReference(`answered and closed as by redis-server: ${title}`, async (t) => {
		const expected = await answerTo(reference.port, bytes + QUIT);
		for (const node of nodes) t.is(await answerTo(node.port, bytes + QUIT), expected);
	});
}

for (const [title, bytes] of ENDLESS_CASES) {
	withReference(`waited for and dropped as by redis-server: ${title}`, async (t) => {
		const ask = async (port: number): Promise<string> => {
			using wire = await Wire.connect(port);
			wire.send(pipeline('PING') + bytes);
			wire.socket.end();
			return await wire.readToEnd();
		};
		const expected = await ask(reference.port);
		for (const node of nodes) t.is(await ask(node.port), expected);
	});
}

test('a client that wants no replies is closed on an error of its protocol without a word', async (t) => {
	for (const node of nodes)
		t.is(await answerTo(node.port, `${pipeline('PING', 'CLIENT REPLY OFF', 'PING')}*x\r\n`), '+PONG\r\n');
});

for (const [title, bytes] of STRANGER_CASES) {
	withReference(`without a password, as by redis-server: ${title}`, async (t) => {
		const expected = await answerTo(guarded.port, bytes + QUIT);
		for (const node of guardedNodes) t.is(await answerTo(node.port, bytes + QUIT), expected);
	});
}

/** Bytes with a bent for what looks like the protocol. */
function garbage(prng: Prng): string {
	const pieces = [
		'*',
		'$',
		'\r\n',
		'\n',
		'\r',
		'\0',
		'"',
		"'",
		'\\x',
		'-1',
		'0',
		'3',
		'70000',
		'GET',
		'SET',
		'k',
		'PING',
		' ',
		'*1\r\n$4\r\nPING\r\n',
		'*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n',
		'*2\r\n$3\r\nGET\r\n$1\r\nk\r\n',
	];
	let bytes = '';
	for (let i = 1 + prng.below(30); i > 0; i--) {
		bytes += prng.below(4) === 0 ? String.fromCharCode(prng.below(256)) : pieces[prng.below(pieces.length)];
	}
	return bytes;
}

withReference(
	'2,000 inputs of garbage are answered as by redis-server, and the node is unharmed',
	async (t) => {
		const prng = new Prng(1_234_567);
		const inputs = Array.from({length: 2000}, () => command('DEL', 'k') + garbage(prng));
		const ask = async (port: number): Promise<string[]> => {
			const answers: string[] = [];
			// One after the other: what one says of the key depends on those before.
			for (const bytes of inputs) {
				using wire = await Wire.connect(port);
				wire.send(bytes);
				// Closing the side makes an end of inputs that wait for more.
				wire.socket.end();
				answers.push(await wire.readToEnd());
			}
			return answers;
		};
		const [expected, ...all] = await Promise.all([reference, ...nodes].map(async ({port}) => ask(port)));
		for (const answers of all) {
			const at = answers.findIndex((answer, i) => answer !== expected![i]);
			if (at >= 0) t.is(answers[at], expected![at]!, JSON.stringify(inputs[at]));
		}
		for (const node of nodes) t.true(await isAlive(node.port));
	},
);

/** Others may still be connected: the tests of this file share the nodes. */
async function isAlive(port: number): Promise<boolean> {
	using client = await RespClient.connect(port);
	return (await client.ask('PING')) === 'PONG' && (await infoOf(client, 'server')).has('redis_version');
}

test('pure noise in every chunk size harms nobody', async (t) => {
	const prng = new Prng(99);
	for (const transport of TRANSPORTS) {
		await using node = await startShoalNode({transport});
		for (let round = 0; round < 30; round++) {
			await Promise.all(
				Array.from({length: 20}, async () => {
					using wire = await Wire.connect(node.port);
					wire.socket.resume();
					const noise = new Uint8Array(prng.below(4) === 0 ? 200_000 : 1 + prng.below(2000)).map(() =>
						prng.below(256),
					);
					// A first byte that announces an array, or a line.
					if (prng.below(2) === 0) noise[0] = 0x2a;
					wire.send(noise);
					wire.socket.end();
					await wire.closed;
				}),
			);
		}
		t.true(await isUnharmed(node.port));
	}
});

test('what was said of protocol errors stands in the figures, as in redis-server', async (t) => {
	const figures = async (port: number): Promise<readonly (string | undefined)[]> => {
		using client = await RespClient.connect(port);
		await client.ask('CONFIG', 'RESETSTAT');
		await answerTo(port, '*x\r\n');
		await answerTo(port, 'SET a "b\r\n');
		const info = await infoOf(client);
		return [info.get('total_error_replies'), info.get('errorstat_ERR')];
	};
	for (const transport of TRANSPORTS) {
		await using node = await startShoalNode({transport});
		t.deepEqual(await figures(node.port), ['2', 'count=2']);
	}
	if (!hasRedisServer()) return;
	await using other = await startRedisServer();
	t.deepEqual(await figures(other.port), ['2', 'count=2']);
});

test('a cross-protocol attack is told to the log with its address', async (t) => {
	await using node = await startShoalNode();
	t.is(await answerTo(node.port, 'POST / HTTP/1.1\r\n\r\n'), '');
	await eventually(
		async () =>
			node.messages.some(
				(message) => message.kind === 'log' && /SECURITY ATTACK.*127\.0\.0\.1:\d+ aborted/.test(message.text),
			),
		(found) => found,
	);
	t.pass();
});
