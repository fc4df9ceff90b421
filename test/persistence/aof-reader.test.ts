import test from 'ava';
import fc from 'fast-check';
import {concat, latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {AofError, AofReader, type AofVisitor} from '../../src/persistence/aof-reader.ts';
import {RdbReader} from '../../src/persistence/rdb-reader.ts';
import type {Request} from '../../src/resp/request.ts';
import {Contents, writeRdb} from './contents.ts';

/** Keeps what it is told, commands as their words of one character a byte. */
class Log implements AofVisitor {
	readonly commands: string[][] = [];
	readonly timestamps: number[] = [];

	onCommand(request: Request): void {
		this.commands.push(Array.from({length: request.count}, (_, i) => request.latin1(i)));
	}

	onTimestamp(seconds: number): void {
		this.timestamps.push(seconds);
	}
}

const encode = (words: readonly string[]): string =>
	`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;

interface Read {
	readonly log: Log;
	readonly reader: AofReader;
}

/** Reads in pieces that end at these offsets; each is gone when the next comes. */
function read(text: string, cuts: readonly number[] = [], fileOffset = 0): Read {
	const bytes = latin1ToBytes(text);
	const log = new Log();
	const reader = new AofReader(log, fileOffset);
	let at = 0;
	for (const cut of [...cuts, bytes.length].toSorted((a, b) => a - b)) {
		const piece = bytes.slice(at, cut);
		reader.push(piece);
		piece.fill(0xee);
		at = Math.max(at, cut);
	}
	return {log, reader};
}

/** What stands in the file, and what is handed on of it. */
interface Unit {
	readonly text: string;
	readonly commands: readonly string[][];
	readonly timestamps: readonly number[];
}

const word = fc.oneof(
	fc.uint8Array({maxLength: 20}).map((bytes) => latin1(bytes)),
	fc.constantFrom('multi', 'EXEC', '*1\r\n', '#', '', 'x'.repeat(1200)),
);
const command = fc
	.tuple(fc.constantFrom('SET', 'del', 'SELECT', 'INCRBY'), fc.array(word, {maxLength: 4}))
	.map(([name, words]) => [name, ...words]);
const note = fc.nat(2 ** 31).map((seconds): Unit => ({
	text: `#TS:${seconds}\r\n`,
	commands: [],
	timestamps: [seconds],
}));
const single = command.map((words): Unit => ({text: encode(words), commands: [words], timestamps: []}));
const transaction = fc
	.tuple(fc.array(fc.oneof(single, note), {maxLength: 4}), fc.constantFrom('MULTI', 'multi'))
	.map(([inner, multi]): Unit => ({
		text: encode([multi]) + inner.map(({text}) => text).join('') + encode(['EXEC']),
		commands: inner.flatMap(({commands}) => commands),
		timestamps: inner.flatMap(({timestamps}) => timestamps),
	}));
const units = fc.array(fc.oneof(single, note, transaction), {maxLength: 10});
const cuts = fc.array(fc.nat(3000), {maxLength: 8});

test('all commands are handed on in their order, however the file is split', (t) => {
	fc.assert(
		fc.property(units, cuts, (wanted, at) => {
			const text = wanted.map((unit) => unit.text).join('');
			const {log, reader} = read(
				text,
				at.map((cut) => Math.min(cut, text.length)),
			);
			t.deepEqual(
				log.commands,
				wanted.flatMap((unit) => unit.commands),
			);
			t.deepEqual(
				log.timestamps,
				wanted.flatMap((unit) => unit.timestamps),
			);
			t.is(reader.validBytes, text.length);
			t.false(reader.isCut);
			t.false(reader.isInTransaction);
		}),
		{numRuns: 400},
	);
});

test('of a file that was cut anywhere, the whole units are handed on and their end is known', (t) => {
	fc.assert(
		fc.property(units, cuts, fc.double({min: 0, max: 1, noNaN: true}), (wanted, at, share) => {
			const whole = wanted.map((unit) => unit.text).join('');
			const text = whole.slice(0, Math.floor(whole.length * share));
			const {log, reader} = read(
				text,
				at.map((cut) => Math.min(cut, text.length)),
			);
			const kept: Unit[] = [];
			let length = 0;
			for (const unit of wanted) {
				if (length + unit.text.length > text.length) break;
				length += unit.text.length;
				kept.push(unit);
			}
			t.deepEqual(
				log.commands,
				kept.flatMap((unit) => unit.commands),
			);
			t.is(reader.validBytes, length);
			t.is(reader.isCut, length < text.length);
		}),
		{numRuns: 400},
	);
});

const SAMPLE =
	encode(['SELECT', '0']) +
	'#TS:1700000000\r\n' +
	encode(['SET', 'key', 'value']) +
	encode(['MULTI']) +
	encode(['INCR', 'n']) +
	encode(['EXEC']) +
	encode(['DEL', 'key']);

test('every split in two, and one byte at a time, reads the same', (t) => {
	const expected = [
		['SELECT', '0'],
		['SET', 'key', 'value'],
		['INCR', 'n'],
		['DEL', 'key'],
	];
	for (let cut = 0; cut <= SAMPLE.length; cut++) t.deepEqual(read(SAMPLE, [cut]).log.commands, expected);
	const each = Array.from({length: SAMPLE.length}, (_, i) => i);
	t.deepEqual(read(SAMPLE, each).log.commands, expected);
});

test('a transaction without its EXEC is not begun', (t) => {
	const before = encode(['SET', 'a', '1']);
	const {log, reader} = read(before + encode(['MULTI']) + encode(['SET', 'a', '2']));
	t.deepEqual(log.commands, [['SET', 'a', '1']]);
	t.true(reader.isCut);
	t.true(reader.isInTransaction);
	t.is(reader.validBytes, before.length);
});

const refused = (title: string, tail: string, what: string): void => {
	test(`refused: ${title}`, (t) => {
		const good = encode(['SET', 'a', '1']);
		for (let cut = 0; cut <= good.length + tail.length; cut++) {
			t.throws(() => read(good + tail, [cut]), {
				instanceOf: AofError,
				message: `Bad file format reading the append only file at offset ${good.length}: ${what}`,
			});
		}
	});
};

refused('zeros, which a file system may leave', '\0\0\0\0', 'a command should begin here');
refused('an inline command', 'SET a 1\r\n', 'a command should begin here');
refused('no words', '*0\r\n', 'a command without words');
refused('a negative number of words', '*-1\r\n', 'a command without words');
refused('a number that is none', '*x\r\n', 'invalid multibulk length');
refused('a word without length', '*1\r\n+OK\r\n\r\n', "expected '$', got '+'");
refused('a negative length', '*1\r\n$-1\r\n', 'invalid bulk length');
refused('a length that is none', '*1\r\n$1x\r\n', 'invalid bulk length');
refused('a length beyond any buffer', '*1\r\n$2147483648\r\n', 'invalid bulk length');
refused('a word longer than announced', '*1\r\n$2\r\nabcd\r\n', 'a line does not end with CR LF');
refused('no LF behind a number', '*1\r $3\r\nabc\r\n', 'a line does not end with CR LF');
refused('no LF behind a length', '*1\r\n$3\r abc\r\n', 'a line does not end with CR LF');
refused('EXEC alone', encode(['EXEC']), 'EXEC without MULTI');
refused('a timestamp that is none', '#TS:x\r\n', 'a timestamp that is no number');
refused('a note without end', `#${'x'.repeat(3000)}`, 'a note without end');

test('refused: MULTI within a transaction', (t) => {
	const begin = encode(['MULTI']) + encode(['SET', 'a', '1']);
	t.throws(() => read(begin + encode(['MULTI'])), {
		instanceOf: AofError,
		message: `Bad file format reading the append only file at offset ${begin.length}: MULTI within a transaction`,
	});
});

test('other notes than timestamps are passed over', (t) => {
	const {log, reader} = read(`#a note\r\n${encode(['PING'])}#\n`);
	t.deepEqual(log.commands, [['PING']]);
	t.deepEqual(log.timestamps, []);
	t.false(reader.isCut);
});

test('any bytes are read, cut or refused', (t) => {
	const change = fc.tuple(fc.nat(SAMPLE.length - 1), fc.nat(255));
	fc.assert(
		fc.property(fc.array(change, {minLength: 1, maxLength: 5}), fc.nat(SAMPLE.length), (changes, cut) => {
			const bytes = latin1ToBytes(SAMPLE);
			for (const [at, value] of changes) bytes[at] = value;
			try {
				const {reader} = read(latin1(bytes), [cut]);
				t.true(reader.validBytes <= SAMPLE.length);
			} catch (error) {
				if (!(error instanceof AofError)) throw error;
				t.true(error.offset >= 0 && error.offset <= SAMPLE.length);
			}
		}),
		{numRuns: 3000},
	);
});

test('an RDB file before the commands is read to its end, and offsets go on behind it', (t) => {
	const base = writeRdb([{db: 0, key: 'k', value: 'v'}]);
	const file = concat([base, latin1ToBytes(SAMPLE + encode(['SET', 'cut', 'off']).slice(0, -5))]);
	for (let cut = 0; cut <= file.length; cut++) {
		const contents = new Contents();
		const log = new Log();
		const rdb = new RdbReader(contents);
		let aof: AofReader | null = null;
		for (const piece of [file.slice(0, cut), file.slice(cut)]) {
			const at = rdb.push(piece);
			if (rdb.isComplete) (aof ??= new AofReader(log, rdb.offset)).push(piece, at);
		}
		t.is(contents.entries.length, 1);
		t.is(log.commands.length, 4);
		t.is(aof?.validBytes, base.length + SAMPLE.length);
		t.true(aof?.isCut);
	}
});

test('an announced length costs no memory before its bytes come', (t) => {
	const before = process.memoryUsage().arrayBuffers;
	const readers = Array.from({length: 50}, () => read('*2147483647\r\n$2147483647\r\nabc').reader);
	t.true(process.memoryUsage().arrayBuffers - before < 10_000_000);
	t.true(readers.every((reader) => reader.isCut && reader.validBytes === 0));
});
