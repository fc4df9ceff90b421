import test from 'ava';
import fc from 'fast-check';
import {allocateRegion, regionOf} from '../../src/lib/region.ts';
import {COMPLETE, EMPTY, INCOMPLETE, PROTOCOL_ERROR, RequestParser} from '../../src/resp/request-parser.ts';
import {HAND_OVER_BYTES, Request} from '../../src/resp/request.ts';

const binary = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

interface Outcome {
	readonly commands: readonly (readonly string[])[];
	readonly error: string | null;
	/** Whether a command began that has not ended. */
	readonly cut: boolean;
}

/** Feeds chunks as a connection does: a command that is cut moves to another buffer, where more bytes follow it. */
function parseChunks(chunks: readonly Uint8Array[], parser = new RequestParser()): Outcome {
	const request = new Request();
	const commands: string[][] = [];
	let region = allocateRegion(0);
	for (const chunk of chunks) {
		const kept = request.partial ? region.bytes.length - request.start : 0;
		// Some bytes before and after, so that a place in the buffer is never also a place in the command.
		const moved = regionOf(new Uint8Array(3 + kept + chunk.length + 5).fill(0x78));
		if (kept > 0) moved.bytes.set(region.bytes.subarray(request.start), 3);
		moved.bytes.set(chunk, 3 + kept);
		request.rebase(3 - request.start, moved);
		const end = 3 + kept + chunk.length;
		let at = 3;
		for (;;) {
			const status = parser.parse(request, moved, at, end);
			if (status === PROTOCOL_ERROR) return {commands, error: parser.error, cut: false};
			if (status === INCOMPLETE) break;
			if (status === COMPLETE) {
				commands.push(Array.from({length: request.count}, (_, index) => request.latin1(index)));
			}
			at = request.end;
		}
		region = regionOf(moved.bytes.subarray(0, end));
	}
	return {commands, error: null, cut: request.partial};
}

const parseText = (text: string, parser?: RequestParser): Outcome => parseChunks([binary(text)], parser);

const encode = (words: readonly string[]): string =>
	`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;

test('a command is found where it stands, and the next one starts at its end', (t) => {
	const parser = new RequestParser();
	const request = new Request();
	const region = regionOf(binary('--*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n'));
	t.is(parser.parse(request, region, 2, region.bytes.length), COMPLETE);
	t.is(request.count, 2);
	t.is(request.region, region);
	t.is(request.start, 2);
	t.deepEqual([request.offsets[0], request.lengths[0]], [10, 3]);
	t.deepEqual([request.offsets[1], request.lengths[1]], [19, 1]);
	t.is(request.end, 22);
	t.false(request.inline);
	t.is(parser.parse(request, region, request.end, region.bytes.length), INCOMPLETE);
	t.true(request.partial);
});

test('no bytes are no command', (t) => {
	const request = new Request();
	t.is(new RequestParser().parse(request, allocateRegion(0), 0, 0), INCOMPLETE);
	t.false(request.partial);
	t.is(request.needed, 1);
});

for (const length of [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 1001, 65_536, 1_048_576]) {
	test(`an argument of ${length} bytes`, (t) => {
		const word = 'y'.repeat(length);
		t.deepEqual(parseText(encode(['ECHO', word])), {commands: [['ECHO', word]], error: null, cut: false});
	});
}

test('more arguments than there were places', (t) => {
	const words = Array.from({length: 1000}, (_, index) => `argument ${index}`);
	t.deepEqual(parseText(encode(words) + encode(['PING'])).commands, [words, ['PING']]);
});

test('a command after a very long one gives the places back', (t) => {
	const request = new Request();
	const parser = new RequestParser();
	const region = regionOf(binary(encode(Array.from({length: 10_000}, () => 'x')) + encode(['PING'])));
	parser.parse(request, region, 0, region.bytes.length);
	t.is(request.count, 10_000);
	parser.parse(request, region, request.end, region.bytes.length);
	t.is(request.count, 1);
	t.true(request.offsets.length < 100);
});

for (const nothing of [
	'*0\r\n',
	'*-1\r\n',
	'*-9223372036854775808\r\n',
	'\r\n',
	'\n',
	'  \t \r\n',
	'\v\f\n',
]) {
	test(`${JSON.stringify(nothing)} is skipped`, (t) => {
		const parser = new RequestParser();
		const request = new Request();
		const region = regionOf(binary(nothing));
		t.is(parser.parse(request, region, 0, region.bytes.length), EMPTY);
		t.is(request.end, nothing.length);
		t.deepEqual(parseText(`${nothing}PING\r\n${nothing}`).commands, [['PING']]);
	});
}

const inlineLines: readonly (readonly [string, readonly string[]])[] = [
	['PING', ['PING']],
	['  SET  key\tvalue ', ['SET', 'key', 'value']],
	['SET "a key" \'a value\'', ['SET', 'a key', 'a value']],
	['ECHO "\\n\\r\\t\\b\\a\\\\\\"\\q"', ['ECHO', '\n\r\t\b\x07\\"q']],
	['ECHO "\\x00\\xfF\\x4g\\x"', ['ECHO', '\0\xffx4gx']],
	["ECHO 'it\\'s \\n'", ['ECHO', "it's \\n"]],
	['ECHO ""', ['ECHO', '']],
	["ECHO '' b", ['ECHO', '', 'b']],
	['ECHO un"quo ted"', ['ECHO', 'unquo ted']],
	['ECHO a\\b', ['ECHO', 'a\\b']],
	['ECHO a\vb\fc', ['ECHO', 'a\vb\fc']],
	['ECHO \v a', ['ECHO', 'a']],
	['ECHO "a"\v"b"', ['ECHO', 'a', 'b']],
	['ECHO a\rb', ['ECHO', 'a', 'b']],
	['$4 \xff\x80', ['$4', '\xff\x80']],
];

for (const [line, words] of inlineLines) {
	test(`inline: ${JSON.stringify(line)}`, (t) => {
		t.deepEqual(parseText(`${line}\r\n`).commands, [words]);
		t.deepEqual(parseText(`${line}\n${line}\r\n`).commands, [words, words]);
	});
}

test('an inline command says so', (t) => {
	const request = new Request();
	const region = regionOf(binary('PING\r\n'));
	new RequestParser().parse(request, region, 0, region.bytes.length);
	t.true(request.inline);
});

const errors: readonly (readonly [string, string])[] = [
	['*x\r\n', 'invalid multibulk length'],
	['*\r\n', 'invalid multibulk length'],
	['*+1\r\n', 'invalid multibulk length'],
	['*01\r\n', 'invalid multibulk length'],
	['*-\r\n', 'invalid multibulk length'],
	['*-0\r\n', 'invalid multibulk length'],
	['* 1\r\n', 'invalid multibulk length'],
	['*2147483648\r\n', 'invalid multibulk length'],
	['*9223372036854775808\r\n', 'invalid multibulk length'],
	['*-99999999999999999999\r\n', 'invalid multibulk length'],
	['*1\r\n$x\r\n', 'invalid bulk length'],
	['*1\r\n$\r\n', 'invalid bulk length'],
	['*1\r\n$-1\r\n', 'invalid bulk length'],
	['*1\r\n$05\r\n', 'invalid bulk length'],
	['*1\r\n$00\r\n', 'invalid bulk length'],
	['*1\r\n$536870913\r\n', 'invalid bulk length'],
	['*1\r\n$99999999999999999999\r\n', 'invalid bulk length'],
	['*1\r\n:4\r\nPING\r\n', "expected '$', got ':'"],
	['*1\r\nPING\r\n', "expected '$', got 'P'"],
	['*1\r\n\xe9\r\n', "expected '$', got '\xe9'"],
	['*1\r\n\r\n', "expected '$', got ' '"],
	['*1\r\n\n\r\n', "expected '$', got ' '"],
	[`*${'1'.repeat(65_537)}`, 'too big mbulk count string'],
	[`*1\r\n$${'1'.repeat(65_537)}`, 'too big bulk count string'],
	['x'.repeat(65_537), 'too big inline request'],
	[`${'x'.repeat(65_537)}\r\n`, 'too big inline request'],
	[`PI\0NG${'x'.repeat(65_537)}`, 'too big inline request'],
	['SET "a\r\n', 'unbalanced quotes in request'],
	["SET 'a\r\n", 'unbalanced quotes in request'],
	['SET "a"b\r\n', 'unbalanced quotes in request'],
	["SET 'a'b\r\n", 'unbalanced quotes in request'],
	['SET "a\\\r\n', 'unbalanced quotes in request'],
	['SET "a\\"\r\n', 'unbalanced quotes in request'],
];

for (const [input, error] of errors) {
	const shown = input.length > 40 ? `${input.slice(0, 12)}... (${input.length} bytes)` : input;
	test(`${JSON.stringify(shown)} is refused: ${error}`, (t) => {
		t.deepEqual(parseText(encode(['PING']) + input), {commands: [['PING']], error, cut: false});
		const bytes = binary(input);
		t.is(parseChunks(Array.from(bytes.subarray(0, 4096), (byte) => Uint8Array.of(byte))).commands.length, 0);
		t.is(parseChunks([bytes.subarray(0, 5), bytes.subarray(5, 30_000), bytes.subarray(30_000)]).error, error);
	});
}

test('who has yet to authenticate may send ten arguments of 16384 bytes', (t) => {
	const parser = new RequestParser();
	parser.limits.authenticated = false;
	const ten = Array.from({length: 10}, () => 'x');
	const long = 'x'.repeat(16_384);
	t.is(parseText(encode(ten), parser).error, null);
	t.is(parseText(encode([...ten, 'x']), parser).error, 'unauthenticated multibulk length');
	t.is(parseText(encode([long]), parser).error, null);
	t.is(parseText(encode([`${long}x`]), parser).error, 'unauthenticated bulk length');
});

test('the limits of bulk strings and of arguments can be set', (t) => {
	const parser = new RequestParser();
	parser.limits.maxBulkBytes = 7;
	t.is(parseText(encode(['1234567']), parser).error, null);
	t.is(parseText(encode(['12345678']), parser).error, 'invalid bulk length');
	parser.limits.maxMultibulkCount = 2;
	t.is(parseText(encode(['a', 'b']), parser).error, null);
	t.is(parseText(encode(['a', 'b', 'c']), parser).error, 'invalid multibulk length');
});

test('where CR LF is expected two bytes are skipped, whatever the second is', (t) => {
	t.deepEqual(parseText('*1\rX$4\r-PING..*1\r\n$4\r\nECHO\r\n').commands, [['PING'], ['ECHO']]);
});

test('the missing bytes of an argument are told', (t) => {
	const parser = new RequestParser();
	const request = new Request();
	const region = regionOf(binary('*2\r\n$3\r\nGET\r\n$100\r\nabc'));
	t.is(parser.parse(request, region, 0, region.bytes.length), INCOMPLETE);
	t.is(request.needed, 99);
	t.is(request.count, 1);
});

test('every split of every command stream gives the same commands', (t) => {
	const word = fc.oneof(
		fc.string({unit: 'binary-ascii'}),
		fc.string({unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 1200}),
		fc.constantFrom('*1\r\n$4\r\nPING\r\n', '\r\n', '$3\r\n'),
	);
	const resp = fc.array(word, {minLength: 1, maxLength: 20});
	const inline = fc.array(fc.stringMatching(/^[A-Za-z0-9]{1,20}$/), {minLength: 1, maxLength: 5});
	const piece = fc.oneof(
		resp.map((words) => ({text: encode(words), words})),
		inline.map((words) => ({text: `${words.join(' ')}\r\n`, words})),
		inline.map((words) => ({text: `${words.map((each) => `"${each}"`).join(' ')}\n`, words})),
		fc.constantFrom('\r\n', '*0\r\n', '*-1\r\n').map((text) => ({text, words: null})),
	);
	fc.assert(
		fc.property(fc.array(piece, {maxLength: 8}), fc.array(fc.nat(), {maxLength: 12}), (pieces, cuts) => {
			const bytes = binary(pieces.map(({text}) => text).join(''));
			const expected = pieces.flatMap(({words}) => (words === null ? [] : [words]));
			const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted(
				(a, b) => a - b,
			);
			const chunks = places.slice(1).map((place, index) => bytes.slice(places[index], place));
			t.deepEqual(parseChunks(chunks), {commands: expected, error: null, cut: false});
		}),
		{numRuns: 300},
	);
	t.pass();
});

test('bytes one at a time give the same commands', (t) => {
	const text = `${encode(['SET', 'key', 'x'.repeat(1500)])}ECHO "a b" 'c'\r\n\r\n*0\r\n${encode(['GET', ''])}`;
	t.deepEqual(parseChunks(Array.from(binary(text), (byte) => Uint8Array.of(byte))), parseText(text));
});

test('any bytes at all are parsed, refused or waited for, and never twice', (t) => {
	const noise = fc.string({
		unit: fc.constantFrom(...'*$123-0 \r\n\0"\'\\xPING\xff'.split('')),
		maxLength: 60,
	});
	fc.assert(
		fc.property(noise, fc.nat(60), (text, cut) => {
			const bytes = binary(text);
			const whole = parseChunks([bytes.slice()]);
			const split = parseChunks([bytes.slice(0, cut), bytes.slice(cut)]);
			t.deepEqual(split, whole);
		}),
		{numRuns: 1000},
	);
	t.pass();
});

test('a large argument in a buffer of its own is handed over, a small one copied', (t) => {
	const parser = new RequestParser();
	const request = new Request();
	const large = 'v'.repeat(HAND_OVER_BYTES);
	const region = regionOf(binary(encode(['SET', 'key', large])));
	parser.parse(request, region, 0, region.bytes.length);
	t.not(request.copy(2).buffer, region.bytes.buffer);
	t.false(request.handedOver);
	request.ownsRegion = true;
	t.not(request.copy(1).buffer, region.bytes.buffer);
	t.false(request.handedOver);
	t.is(request.copy(2).buffer, region.bytes.buffer);
	t.is(request.copy(2).length, large.length);
	t.true(request.handedOver);
});

test('an argument is read as bytes, text, word', (t) => {
	const parser = new RequestParser();
	const request = new Request();
	const region = regionOf(binary(encode(['gEt', 'caf\xc3\xa9', 'no_-9z'])));
	parser.parse(request, region, 0, region.bytes.length);
	t.true(request.isWord(0, 'GET'));
	t.false(request.isWord(0, 'GETS'));
	t.false(request.isWord(0, 'SET'));
	t.true(request.isWord(2, 'NO_-9Z'));
	t.false(request.isWord(2, 'NO_\r9Z'));
	t.is(request.word(0), 'GET');
	t.is(request.text(1), 'café');
	t.is(request.latin1(1), 'caf\xc3\xa9');
	t.deepEqual(request.bytes(0), binary('gEt'));
	t.true(request.equals(0, binary('gEt')));
	t.false(request.equals(0, binary('get')));
	t.false(request.equals(0, binary('gE')));
});

test('the slot of a key is computed unless the executor knows it', (t) => {
	const parser = new RequestParser();
	const request = new Request();
	const region = regionOf(binary(encode(['GET', 'foo'])));
	parser.parse(request, region, 0, region.bytes.length);
	t.is(request.keySlot(1), 12_182);
	request.slot = 5;
	t.is(request.keySlot(1), 5);
	parser.parse(request, region, 0, region.bytes.length);
	t.is(request.keySlot(1), 12_182);
});
