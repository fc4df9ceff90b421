import test from 'ava';
import fc from 'fast-check';
import {latin1, utf8} from '../../src/lib/bytes.ts';
import {regionOf} from '../../src/lib/region.ts';
import {ReplyWriter} from '../../src/resp/reply-writer.ts';

const binary = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

function written(protocol: 2 | 3, write: (reply: ReplyWriter) => void): string {
	const reply = new ReplyWriter();
	reply.protocol = protocol;
	write(reply);
	return latin1(reply.region.bytes, 0, reply.length);
}

interface Form {
	readonly title: string;
	readonly write: (reply: ReplyWriter) => void;
	readonly resp2: string;
	readonly resp3: string;
}

const same = (title: string, write: Form['write'], both: string): Form => ({
	title,
	write,
	resp2: both,
	resp3: both,
});

const forms: readonly Form[] = [
	same('ok', (reply) => reply.ok(), '+OK\r\n'),
	same('queued', (reply) => reply.queued(), '+QUEUED\r\n'),
	same('a status', (reply) => reply.simple('PONG'), '+PONG\r\n'),
	same('an error', (reply) => reply.error('ERR no'), '-ERR no\r\n'),
	same('an error with ends of lines', (reply) => reply.error('ERR a\r\nb'), '-ERR a  b\r\n'),
	same('an error with bytes', (reply) => reply.error('ERR \x00\xff'), '-ERR \x00\xff\r\n'),
	same('an error with other characters', (reply) => reply.error('ERR \u2026'), '-ERR \xe2\x80\xa6\r\n'),
	same('an int64', (reply) => reply.bigInteger(-(2n ** 63n)), ':-9223372036854775808\r\n'),
	same('an array', (reply) => reply.array(3), '*3\r\n'),
	same('bytes', (reply) => reply.bulk(binary('a\r\nb')), '$4\r\na\r\nb\r\n'),
	same('no bytes', (reply) => reply.bulk(binary('')), '$0\r\n\r\n'),
	same('a text', (reply) => reply.bulkText('caf\u00e9'), '$5\r\ncaf\xc3\xa9\r\n'),
	same('a number as text', (reply) => reply.integerBulk(-1234), '$5\r\n-1234\r\n'),
	same('encoded bytes', (reply) => reply.raw(binary(':1\r\n')), ':1\r\n'),
	{title: 'null', write: (reply) => reply.null(), resp2: '$-1\r\n', resp3: '_\r\n'},
	{title: 'a null array', write: (reply) => reply.nullArray(), resp2: '*-1\r\n', resp3: '_\r\n'},
	{title: 'a map', write: (reply) => reply.map(6), resp2: '*12\r\n', resp3: '%6\r\n'},
	{title: 'a set', write: (reply) => reply.set(1024), resp2: '*1024\r\n', resp3: '~1024\r\n'},
	{title: 'a push', write: (reply) => reply.push(2), resp2: '*2\r\n', resp3: '>2\r\n'},
	{title: 'true', write: (reply) => reply.bool(true), resp2: ':1\r\n', resp3: '#t\r\n'},
	{title: 'false', write: (reply) => reply.bool(false), resp2: ':0\r\n', resp3: '#f\r\n'},
	{title: 'a double', write: (reply) => reply.double(1.5), resp2: '$3\r\n1.5\r\n', resp3: ',1.5\r\n'},
	{title: 'infinity', write: (reply) => reply.double(-Infinity), resp2: '$4\r\n-inf\r\n', resp3: ',-inf\r\n'},
	{title: 'a big number', write: (reply) => reply.bignum('12'), resp2: '$2\r\n12\r\n', resp3: '(12\r\n'},
	{
		title: 'a verbatim text',
		write: (reply) => reply.verbatim('txt', '\u00e9'),
		resp2: '$2\r\n\xc3\xa9\r\n',
		resp3: '=6\r\ntxt:\xc3\xa9\r\n',
	},
];

for (const {title, write, resp2, resp3} of forms) {
	test(`${title} in RESP2 and RESP3`, (t) => {
		t.is(written(2, write), resp2);
		t.is(written(3, write), resp3);
	});
}

test('attributes are for RESP3 alone', (t) => {
	t.is(
		written(3, (reply) => reply.attribute(1)),
		'|1\r\n',
	);
	t.throws(() => written(2, (reply) => reply.attribute(1)));
});

test('every safe integer is printed', (t) => {
	const edges = [0, -0, 9, 10, 99, 100, 999, 1000, 1023, 1024, 9999, 2 ** 31 - 1, 2 ** 31, 1e15 - 1, 1e15];
	for (const value of [
		...edges,
		...edges.map((edge) => -edge),
		Number.MAX_SAFE_INTEGER,
		Number.MIN_SAFE_INTEGER,
	]) {
		t.is(
			written(2, (reply) => reply.integer(value)),
			`:${value}\r\n`,
		);
		t.is(
			written(2, (reply) => reply.integerBulk(value)),
			`$${String(value).length}\r\n${value}\r\n`,
		);
	}
	fc.assert(
		fc.property(
			fc.maxSafeInteger(),
			(value) => written(2, (reply) => reply.integer(value)) === `:${value}\r\n`,
		),
	);
});

test('bulk strings of every length come out as they went in', (t) => {
	for (const length of [0, 1, 3, 4, 15, 16, 17, 64, 99, 100, 192, 193, 999, 1000, 1024, 70_000, 300_000]) {
		const value = binary('abcdefghij'.repeat(length / 10 + 1).slice(0, length));
		const region = regionOf(binary(`--${latin1(value)}--`));
		const expected = `$${length}\r\n${latin1(value)}\r\n`;
		t.is(
			written(2, (reply) => reply.bulk(value)),
			expected,
		);
		t.is(
			written(2, (reply) => reply.bulkRegion(region, 2, length)),
			expected,
		);
		t.is(
			written(2, (reply) => reply.bulkText(latin1(value))),
			expected,
		);
	}
});

test('texts are written in UTF-8 at every length', (t) => {
	fc.assert(
		fc.property(fc.string({unit: 'binary', maxLength: 200}), (text) => {
			const reply = new ReplyWriter();
			reply.bulkText(text);
			const encoded = new TextEncoder().encode(text);
			const out = utf8(reply.region.bytes, 0, reply.length);
			return (
				out === `$${encoded.length}\r\n${new TextDecoder('utf-8', {ignoreBOM: true}).decode(encoded)}\r\n`
			);
		}),
	);
	t.pass();
});

test('the buffer grows and keeps what was written', (t) => {
	const reply = new ReplyWriter();
	let expected = '';
	for (let i = 0; i < 40_000; i++) {
		reply.integer(i);
		expected += `:${i}\r\n`;
	}
	t.is(latin1(reply.region.bytes, 0, reply.length), expected);
});

test('errors are counted, and what was begun can be taken back', (t) => {
	const reply = new ReplyWriter();
	reply.ok();
	const mark = reply.mark();
	reply.array(2);
	reply.integer(1);
	reply.rewind(mark);
	reply.error('ERR changed my mind');
	t.is(latin1(reply.region.bytes, 0, reply.length), '+OK\r\n-ERR changed my mind\r\n');
	t.is(reply.errorCount, 1);
});

for (const count of [0, 1, 9, 10, 99, 100, 1000, 100_000]) {
	test(`${count} elements whose number was not known before`, (t) => {
		const elements = ':7\r\n'.repeat(count);
		const body = (reply: ReplyWriter): void => {
			for (let i = 0; i < count; i++) reply.integer(7);
		};
		const array = (reply: ReplyWriter): void => {
			reply.ok();
			const token = reply.deferArray();
			body(reply);
			reply.closeArray(token, count);
			reply.ok();
		};
		t.is(written(2, array), `+OK\r\n*${count}\r\n${elements}+OK\r\n`);
		const map = (reply: ReplyWriter): void => {
			const token = reply.deferMap();
			body(reply);
			body(reply);
			reply.closeMap(token, count);
		};
		t.is(written(2, map), `*${count * 2}\r\n${elements}${elements}`);
		t.is(written(3, map), `%${count}\r\n${elements}${elements}`);
		const set = (reply: ReplyWriter): void => {
			const token = reply.deferSet();
			body(reply);
			reply.closeSet(token, count);
		};
		t.is(written(2, set), `*${count}\r\n${elements}`);
		t.is(written(3, set), `~${count}\r\n${elements}`);
	});
}

test('deferred lengths nest', (t) => {
	const nested = written(2, (reply) => {
		const outer = reply.deferArray();
		for (let i = 0; i < 12; i++) {
			const inner = reply.deferArray();
			for (let j = 0; j < i; j++) reply.integer(j);
			reply.closeArray(inner, i);
		}
		reply.closeArray(outer, 12);
	});
	const inner = Array.from(
		{length: 12},
		(_, i) => `*${i}\r\n${Array.from({length: i}, (_, j) => `:${j}\r\n`).join('')}`,
	);
	t.is(nested, `*12\r\n${inner.join('')}`);
});

test('a detached buffer is never written again', (t) => {
	const reply = new ReplyWriter();
	reply.ok();
	const detached = reply.detach();
	t.is(reply.length, 0);
	reply.integer(5);
	t.is(latin1(detached.bytes, 0, 5), '+OK\r\n');
	t.is(latin1(reply.view(0, reply.length)), ':5\r\n');
});

test('views show what was written, after growth and after a new start too', (t) => {
	const reply = new ReplyWriter();
	reply.ok();
	t.is(latin1(reply.view(0, 5)), '+OK\r\n');
	t.is(reply.view(0, 5), reply.view(0, 5));
	reply.bulk(new Uint8Array(100_000));
	t.is(latin1(reply.view(0, 5)), '+OK\r\n');
	reply.clear();
	reply.integer(42);
	t.is(latin1(reply.view(0, 5)), ':42\r\n');
	t.is(latin1(reply.view(1, 3)), '42');
});

test('a buffer that grew very large is given back', (t) => {
	const reply = new ReplyWriter();
	reply.bulk(new Uint8Array(5 * 1024 * 1024));
	const large = reply.region;
	reply.clear();
	t.not(reply.region, large);
	t.true(reply.region.bytes.length < 1024 * 1024);
});
