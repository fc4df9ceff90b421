import test from 'ava';
import fc from 'fast-check';
import {ReplyWriter} from '../../src/resp/reply-writer.ts';
import {
	PushMessage,
	type Reply,
	ReplyParser,
	type ReplyParserOptions,
	ReplyProtocolError,
	RespError,
} from '../../src/resp/reply-parser.ts';

const binary = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

function parse(chunks: readonly Uint8Array[], options?: ReplyParserOptions): Reply[] {
	const parser = new ReplyParser(options);
	const replies: Reply[] = [];
	for (const chunk of chunks) parser.feed(chunk, (reply) => replies.push(reply));
	return replies;
}

const parseText = (text: string, options?: ReplyParserOptions): Reply[] => parse([binary(text)], options);

const values: readonly (readonly [string, Reply])[] = [
	['+OK\r\n', 'OK'],
	['+\r\n', ''],
	[':0\r\n', 0],
	[':-12\r\n', -12],
	[':9007199254740991\r\n', Number.MAX_SAFE_INTEGER],
	[':9223372036854775807\r\n', 9_223_372_036_854_775_807n],
	['$-1\r\n', null],
	['*-1\r\n', null],
	['_\r\n', null],
	['$0\r\n\r\n', ''],
	['$5\r\na\r\nbc\r\n', 'a\r\nbc'],
	['$5\r\ncaf\xc3\xa9\r\n', 'caf\u00e9'],
	['*0\r\n', []],
	['*2\r\n*1\r\n:1\r\n*0\r\n', [[1], []]],
	[
		'%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n',
		new Map<Reply, Reply>([
			['a', 1],
			['b', [null]],
		]),
	],
	['~2\r\n:1\r\n:2\r\n', new Set([1, 2])],
	['>2\r\n+message\r\n:1\r\n', new PushMessage(['message', 1])],
	['#t\r\n', true],
	['#f\r\n', false],
	[',1.5\r\n', 1.5],
	[',1e+20\r\n', 1e20],
	[',inf\r\n', Infinity],
	[',-inf\r\n', -Infinity],
	[',nan\r\n', Number.NaN],
	['(123456789012345678901234567890\r\n', 123_456_789_012_345_678_901_234_567_890n],
	['=8\r\ntxt:text\r\n', 'text'],
	['|1\r\n+ttl\r\n:5\r\n:7\r\n', 7],
	['*2\r\n|1\r\n+a\r\n*1\r\n:0\r\n:7\r\n:8\r\n', [7, 8]],
];

for (const [text, value] of values) {
	test(`${JSON.stringify(text)} is understood, whole, in halves and byte by byte`, (t) => {
		const bytes = binary(text);
		t.deepEqual(parse([bytes, bytes]), [value, value]);
		t.deepEqual(parse(Array.from(bytes, (byte) => Uint8Array.of(byte))), [value]);
		for (let cut = 1; cut < bytes.length; cut++) {
			t.deepEqual(parse([bytes.subarray(0, cut), bytes.subarray(cut)]), [value]);
		}
	});
}

test('errors are values with a code, at the top and inside', (t) => {
	const replies = parseText('-MOVED 3999 127.0.0.1:7001\r\n!9\r\nERR other\r\n*1\r\n-ERR\r\n');
	const [moved, blob, list] = replies;
	t.true(
		moved instanceof RespError && moved.code === 'MOVED' && moved.message === 'MOVED 3999 127.0.0.1:7001',
	);
	t.true(blob instanceof RespError && blob.message === 'ERR other');
	t.true(Array.isArray(list) && list[0] instanceof RespError && list[0].code === 'ERR');
});

test('a binary parser gives bytes that outlive the chunk', (t) => {
	const chunk = binary('+OK\r\n$2\r\n\xff\x00\r\n=5\r\ntxt:\xfe\r\n');
	const replies = parse([chunk], {binary: true});
	chunk.fill(0);
	t.deepEqual(replies, ['OK', Uint8Array.of(0xff, 0), Uint8Array.of(0xfe)]);
});

for (const text of [
	'?\r\n',
	'+OK\n',
	'\r\n',
	'\n',
	':x\r\n',
	':\r\n',
	'$x\r\n',
	'$-2\r\n',
	'*99999999999\r\n',
	'#x\r\n',
	',x\r\n',
	'(1.5\r\n',
	'$1\r\nabc',
	'$?\r\n',
]) {
	test(`${JSON.stringify(text)} is not RESP`, (t) => {
		t.throws(() => parseText(text), {instanceOf: ReplyProtocolError});
	});
}

test('what is announced and does not come takes no memory and no stack', (t) => {
	t.deepEqual(parseText('*4000000000\r\n'.repeat(10_000)), []);
	t.is(parseText(`${'*1\r\n'.repeat(10_000)}:1\r\n`).length, 1);
});

type Tree = null | boolean | number | string | readonly Tree[];

function write(reply: ReplyWriter, tree: Tree): void {
	if (tree === null) reply.null();
	else if (typeof tree === 'boolean') reply.bool(tree);
	else if (typeof tree === 'number') reply.integer(tree);
	else if (typeof tree === 'string') reply.bulkText(tree);
	else {
		reply.array(tree.length);
		for (const each of tree) write(reply, each);
	}
}

test('what the writer writes the parser reads, however it is cut', (t) => {
	const {tree} = fc.letrec<{tree: Tree; list: Tree[]}>((tie) => ({
		tree: fc.oneof(
			{depthSize: 'small'},
			fc.constant(null),
			fc.boolean(),
			fc.maxSafeInteger(),
			fc.string({unit: 'grapheme', maxLength: 300}),
			tie('list'),
		),
		list: fc.array(tie('tree')),
	}));
	fc.assert(
		fc.property(fc.array(tree), fc.array(fc.nat(), {maxLength: 10}), (trees, cuts) => {
			const reply = new ReplyWriter();
			reply.protocol = 3;
			for (const each of trees) write(reply, each);
			const bytes = reply.view(0, reply.length);
			const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted(
				(a, b) => a - b,
			);
			const chunks = places.slice(1).map((place, index) => bytes.slice(places[index], place));
			t.deepEqual(parse(chunks), trees as Reply[]);
		}),
	);
	t.pass();
});
