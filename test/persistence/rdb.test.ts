import test from 'ava';
import fc from 'fast-check';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {Crc64} from '../../src/lib/crc64.ts';
import {RdbError} from '../../src/persistence/rdb-format.ts';
import {RdbReader} from '../../src/persistence/rdb-reader.ts';
import {Contents, type Entry, readRdb, writeRdb} from './contents.ts';

const bytes = (maxLength: number): fc.Arbitrary<string> =>
	fc.uint8Array({maxLength}).map((each) => latin1(each));

/** Texts at every border of the format: integers, lengths, what compresses and what does not. */
const text = fc.oneof(
	bytes(80),
	fc.bigInt({min: -(2n ** 65n), max: 2n ** 65n}).map(String),
	fc.integer({min: -40_000, max: 40_000}).map(String),
	fc.constantFrom('', '-0', '007', '+1', '-129', '-128', '127', '128', '32768', '2147483647', '2147483648'),
	fc.tuple(bytes(8), fc.nat(300)).map(([unit, times]) => unit.repeat(times)),
	fc.constantFrom(63, 64, 16_383, 16_384, 70_000).map((length) => 'v'.repeat(length - 1) + 'w'),
);

const entry: fc.Arbitrary<Entry> = fc
	.record({
		db: fc.constant(0),
		key: text,
		value: text,
		expireAt: fc.option(fc.oneof(fc.nat(2 ** 31), fc.maxSafeNat()), {nil: undefined}),
		access: fc.oneof(
			fc.constant({}),
			fc.nat(2 ** 24).map((idleSeconds) => ({idleSeconds})),
			fc.nat(255).map((frequency) => ({frequency})),
		),
	})
	.map(({expireAt, access, ...rest}) => ({
		...rest,
		...(expireAt === undefined ? {} : {expireAt}),
		...access,
	}));

const entries = fc
	.array(fc.tuple(fc.constantFrom(0, 1, 15, 300), fc.array(entry, {maxLength: 6})), {maxLength: 3})
	.map((databases) => databases.flatMap(([db, own]) => own.map((each) => ({...each, db}))));

for (const compress of [true, false]) {
	for (const checksum of [true, false]) {
		test(`what was written is read, compress ${compress}, checksum ${checksum}, in any split`, (t) => {
			fc.assert(
				fc.property(entries, fc.array(fc.nat(3000), {maxLength: 8}), (wanted, cuts) => {
					const file = writeRdb(wanted, {
						compress,
						checksum,
						aux: [
							['ctime', '1700000000'],
							['x', 'y'],
						],
					});
					const contents = readRdb(
						file,
						cuts.map((cut) => Math.min(cut, file.length)),
					);
					t.deepEqual(contents.entries, wanted);
					t.deepEqual(contents.aux, [
						['ctime', '1700000000'],
						['x', 'y'],
					]);
					t.true(contents.isEnded);
				}),
				{numRuns: 150},
			);
		});
	}
}

const SAMPLE: readonly Entry[] = [
	{db: 0, key: 'number', value: '12'},
	{db: 0, key: '-70000', value: 'a'.repeat(300), expireAt: 1_700_000_000_123},
	{db: 0, key: 'long', value: latin1(Uint8Array.from({length: 200}, (_, i) => (i * 37) & 0xff))},
	{db: 2, key: 'idle', value: 'x', idleSeconds: 70},
	{db: 2, key: 'often', value: 'y', frequency: 200, expireAt: 5},
];

test('every split in two, and one byte at a time, reads the same', (t) => {
	const file = writeRdb(SAMPLE);
	for (let cut = 0; cut <= file.length; cut++) t.deepEqual(readRdb(file, [cut]).entries, SAMPLE);
	const each = Array.from({length: file.length}, (_, i) => i);
	t.deepEqual(readRdb(file, each).entries, SAMPLE);
});

test('bytes behind the end are the caller’s', (t) => {
	const file = writeRdb(SAMPLE);
	const more = Buffer.concat([Buffer.from('..'), file, Buffer.from('*1\r\n')]);
	const reader = new RdbReader(new Contents());
	t.is(reader.push(more, 2), 2 + file.length);
	t.true(reader.isComplete);
	t.is(reader.offset, file.length);
	t.is(reader.push(more, 2), 2);
	const cut = new RdbReader(new Contents());
	cut.push(file, 0, file.length - 3);
	t.is(cut.push(more, 2 + file.length - 3), 2 + file.length);
	t.true(cut.isComplete);
});

test('a file that ends too early is told apart from one that is whole', (t) => {
	const file = writeRdb(SAMPLE);
	for (let length = 0; length < file.length; length++) {
		const reader = new RdbReader(new Contents());
		reader.push(file.subarray(0, length));
		t.false(reader.isComplete);
		t.throws(() => reader.finish(), {
			instanceOf: RdbError,
			message: `Unexpected end of the RDB file at offset ${length}`,
		});
	}
});

/** With a checksum over the bytes given, and the end. */
function file(body: string, version = '0010', end = '\xff'): Uint8Array {
	const bytes = latin1ToBytes(`REDIS${version}${body}${end}`);
	const crc = new Crc64();
	crc.update(bytes);
	const whole = new Uint8Array(bytes.length + 8);
	whole.set(bytes);
	crc.writeTo(whole, bytes.length);
	return whole;
}

test('every version from 1 to 11 is read, and no other', (t) => {
	const body = '\xfe\x00\xfd\x05\x00\x00\x00\x00\x01k\x01v';
	for (let version = 1; version <= 11; version++) {
		const whole = file(body, String(version).padStart(4, '0'));
		// Before version 5 there is no checksum.
		const {entries} = readRdb(version < 5 ? whole.subarray(0, -8) : whole);
		t.deepEqual(entries, [{db: 0, key: 'k', value: 'v', expireAt: 5000}]);
	}
	for (const version of ['0000', '0012', '9999', 'abcd']) {
		t.throws(() => readRdb(file(body, version)), {
			instanceOf: RdbError,
			message: `Can't handle RDB format version ${Number(version) || 0} at offset 0`,
		});
	}
	t.throws(() => readRdb(latin1ToBytes('RODIS0010')), {message: /^Wrong signature/});
});

test('a checksum of zeros is none, and a wrong one is refused unless nobody asks', (t) => {
	const good = writeRdb(SAMPLE);
	const zeros = good.slice().fill(0, good.length - 8);
	t.deepEqual(readRdb(zeros).entries, SAMPLE);
	for (let at = good.length - 8; at < good.length; at++) {
		const wrong = good.slice();
		wrong[at]! ^= 1;
		t.throws(() => readRdb(wrong), {
			instanceOf: RdbError,
			message: `Wrong checksum of the RDB file at offset ${good.length - 8}`,
		});
		t.deepEqual(readRdb(wrong, [], {checksum: false}).entries, SAMPLE);
	}
});

test('no byte of a file can change without an error or another content', (t) => {
	const good = writeRdb(SAMPLE);
	for (let at = 0; at < good.length; at++) {
		for (const change of [0x01, 0x10, 0x80, 0xff]) {
			const wrong = good.slice();
			wrong[at]! ^= change;
			t.throws(() => readRdb(wrong), {instanceOf: RdbError}, `byte ${at} ^ ${change}`);
		}
	}
});

test('any bytes are read or refused with an RdbError', (t) => {
	const good = writeRdb(SAMPLE);
	const mutation = fc
		.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), {minLength: 1, maxLength: 6})
		.map((changes) => {
			const wrong = good.slice();
			for (const [at, value] of changes) wrong[at] = value;
			return wrong;
		});
	const garbage = fc.uint8Array({maxLength: 200}).map((body) => file(latin1(body)));
	fc.assert(
		fc.property(fc.oneof(mutation, garbage), fc.array(fc.nat(200), {maxLength: 4}), (input, cuts) => {
			try {
				readRdb(
					input,
					cuts.map((cut) => Math.min(cut, input.length)),
					{checksum: false},
				);
			} catch (error) {
				if (!(error instanceof RdbError)) throw error;
				t.true(error.offset >= 0 && error.offset <= input.length);
			}
		}),
		{numRuns: 3000},
	);
});

const refused = (title: string, body: string, message: string): void => {
	test(`refused: ${title}`, (t) => {
		const whole = file(body);
		for (let cut = 0; cut < whole.length; cut++) {
			t.throws(() => readRdb(whole, [cut]), {instanceOf: RdbError, message});
		}
	});
};

refused('a list', '\x01\x03key\x01\x01a', 'Values of type list are not supported: key "key" at offset 9');
refused('a hash', '\x10\x04name\x01a', 'Values of type hash are not supported: key "name" at offset 9');
refused('a stream', '\x13\x01s', 'Values of type stream are not supported: key "s" at offset 9');
refused('a module value', '\x07\x01m', 'Values of type module are not supported: key "m" at offset 9');
refused('an unknown type', '\x00\x01k\x01v\x63', 'Unknown type of entry 99 at offset 14');
refused(
	'module AUX',
	'\xf7\x81\x82\xb6\xa9\x85\xd6\xad\x68\x0a',
	'AUX data of module graphdata, which is not here at offset 9',
);
refused(
	'functions of a candidate',
	'\xf6\x00',
	'Functions of a release candidate of redis 7.0 are not supported at offset 9',
);
refused('a string as a number', '\xfe\xc0\x00', 'A string stands where a number is due at offset 10');
refused('an unknown string encoding', '\x00\xc4', 'Unknown string encoding 4 at offset 10');
refused('an unknown length encoding', '\x00\x90', 'Unknown length encoding 144 at offset 10');
refused(
	'an endless string',
	'\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff',
	'A string of 18446744073709552000 bytes is longer than any value at offset 10',
);
refused('a bomb', '\x00\xc3\x03\x80\x7f\xff\xff\xff\x00a', 'Invalid LZF compressed string at offset 11');
refused('LZF that is none', '\x00\xc3\x02\x05\x20\x00', 'Invalid LZF compressed string at offset 11');
refused('an impossible database', '\xfe\x80\xff\xff\xff\xff', 'There is no database 4294967295 at offset 9');

test('a length that announces more than there is costs no memory', (t) => {
	const before = process.memoryUsage().arrayBuffers;
	const readers = Array.from({length: 50}, () => {
		const reader = new RdbReader(new Contents());
		reader.push(latin1ToBytes('REDIS0010\x00\x80\x7f\xff\xff\xffabc'));
		return reader;
	});
	t.true(process.memoryUsage().arrayBuffers - before < 10_000_000);
	for (const reader of readers) t.throws(() => reader.finish(), {instanceOf: RdbError});
});

test('function libraries are handed over, sizes and facts too', (t) => {
	const contents = readRdb(
		file('\xf5\x05#!lua\xfa\x09redis-ver\x057.0.1\xfa\x0aredis-bits\xc0\x40\xfe\x03\xfb\x02\x01'),
	);
	t.deepEqual(contents.functions, ['#!lua']);
	t.deepEqual(contents.aux, [
		['redis-ver', '7.0.1'],
		['redis-bits', '64'],
	]);
	t.deepEqual(contents.sizes, [[3, 2, 1]]);
});

test('times beyond a number are read as the nearest that a key may have', (t) => {
	const at = (bytes: string): number | undefined =>
		readRdb(file(`\xfc${bytes}\x00\x00\x00`)).entries[0]!.expireAt;
	t.is(at('\xff\xff\xff\xff\xff\xff\xff\x7f'), 2 ** 63);
	t.is(at('\xff\xff\xff\xff\xff\xff\xff\xff'), undefined);
	t.is(at('\xfe\xff\xff\xff\xff\xff\xff\xff'), 0);
	const written = writeRdb([{db: 0, key: '', value: '', expireAt: 2 ** 63}]);
	t.true(latin1(written).includes('\xfc\xff\xff\xff\xff\xff\xff\xff\x7f'));
});
