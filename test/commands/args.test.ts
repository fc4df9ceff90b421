import test from 'ava';

import {
	type Arg,
	block,
	bytes,
	countedKeys,
	custom,
	double,
	flag,
	int64,
	integer,
	key,
	many,
	named,
	oneOf,
	optional,
	options,
	parseDouble,
	pattern,
	text,
	unixTime,
} from '../../src/commands/args.ts';
import {type Command, command} from '../../src/commands/command.ts';
import {CommandError, WRONG_ARITY} from '../../src/commands/errors.ts';
import {KeyPositions} from '../../src/commands/key-specs.ts';
import {toBytes, utf8} from '../../src/lib/bytes.ts';
import {Request} from '../../src/resp/request.ts';
import {CommandRunner} from './harness.ts';

/** Declares a command `x` of these arguments. */
function declared(
	args: readonly Arg<unknown>[],
	run: (...values: unknown[]) => void = () => {},
	arity?: number,
): Command {
	return command({
		name: 'x',
		since: '1.0.0',
		group: 'string',
		flags: [],
		summary: '',
		args,
		...(arity === undefined ? {} : {arity}),
		run({reply}, ...values) {
			run(...values);
			reply.ok();
		},
	});
}

/** Byte views as text, so that values can be compared. */
function readable(value: unknown): unknown {
	if (value instanceof Uint8Array) return utf8(value);
	if (Array.isArray(value)) return value.map(readable);
	if (typeof value !== 'object' || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([field, each]) => [field, readable(each)]));
}

/** The values that `x <line>` hands to `run`, or the error line. */
function parsed(args: readonly Arg<unknown>[], line: string): unknown {
	let values: unknown;
	const x = declared(args, (...read) => (values = readable(read)), -1);
	const reply = new CommandRunner({commands: [x]}).raw('x', ...line.split(' ').filter((word) => word !== ''));
	return reply === '+OK\r\n' ? values : reply.slice(1, -2);
}

const parses = test.macro({
	exec(t, args: readonly Arg<unknown>[], cases: Readonly<Record<string, unknown>>) {
		for (const [line, expected] of Object.entries(cases))
			t.deepEqual(parsed(args, line), expected, `x ${line}`);
	},
	title: (given = '') => given,
});

const SYNTAX = 'ERR syntax error';
const NOT_INTEGER = 'ERR value is not an integer or out of range';

test(
	'single arguments become typed values in order',
	parses,
	[bytes('a'), text('b'), pattern(), key(['RO'])],
	{
		'1 ü *x k': ['1', 'ü', '*x', 'k'],
		'1 2 3': SYNTAX,
		'1 2 3 4 5': SYNTAX,
	},
);

test('integers are read as strictly as redis reads them', parses, [integer('n')], {
	'0': [0],
	'-1': [-1],
	'9007199254740991': [Number.MAX_SAFE_INTEGER],
	'9223372036854775807': [2 ** 63],
	'9223372036854775808': NOT_INTEGER,
	'+1': NOT_INTEGER,
	'01': NOT_INTEGER,
	'-0': NOT_INTEGER,
	'1.0': NOT_INTEGER,
	x: NOT_INTEGER,
	'': SYNTAX,
});

test('int64 is exact', parses, [int64('n')], {
	'5': [5],
	'9223372036854775807': [2n ** 63n - 1n],
	'-9223372036854775808': [-(2n ** 63n)],
});

test(
	'an integer outside its limits has an error of its own',
	parses,
	[
		integer('n', {
			least: 1,
			most: 5,
			rangeError: new CommandError('ERR far out'),
			error: new CommandError('ERR no'),
		}),
	],
	{'1': [1], '5': [5], '0': 'ERR far out', '6': 'ERR far out', x: 'ERR no'},
);

test(
	'a late error gives way to a syntax error behind it',
	parses,
	[
		options({
			ex: named('EX', integer('seconds', {late: true})),
			px: named('PX', integer('ms')),
			nx: flag('NX'),
		}),
	],
	{
		'EX x': NOT_INTEGER,
		'EX x NX': NOT_INTEGER,
		'EX x FOO': SYNTAX,
		'PX x FOO': NOT_INTEGER,
		'EX 5 NX': [{ex: 5, nx: true}],
	},
);

test(
	'options come in any order, and count anew when they come again',
	parses,
	[
		bytes('value'),
		options({
			condition: oneOf('condition', {nx: flag('NX'), xx: flag('XX')}),
			get: flag('GET'),
			expiration: oneOf('expiration', {
				ex: named('EX', integer('seconds')),
				pxAt: named('PXAT', unixTime('unix-time-milliseconds')),
				keepTtl: flag('KEEPTTL'),
			}),
			match: many(named('MATCH', pattern())),
		}),
	],
	{
		v: ['v', {}],
		'v nX get': ['v', {condition: {kind: 'nx', value: true}, get: true}],
		'v GET NX GET NX': ['v', {condition: {kind: 'nx', value: true}, get: true}],
		'v NX XX': SYNTAX,
		'v EX 1 EX 2': ['v', {expiration: {kind: 'ex', value: 2}}],
		'v EX 1 PXAT 2': SYNTAX,
		'v EX': SYNTAX,
		'v EX GET': NOT_INTEGER,
		'v MATCH a NX MATCH b': ['v', {match: ['a', 'b'], condition: {kind: 'nx', value: true}}],
		'v FOO': SYNTAX,
	},
);

test('a repeated argument leaves later ones what they need', parses, [many(key(['RW'])), double('timeout')], {
	'a 1': [['a'], 1],
	'a b c 1.5': [['a', 'b', 'c'], 1.5],
	a: SYNTAX,
	'a b': 'ERR value is not a valid float',
});

test(
	'a block is an object, and a cut one may be an arity error',
	parses,
	[many(block('data', {key: key(['OW']), value: bytes('value')}), {cut: WRONG_ARITY})],
	{
		'a 1': [[{key: 'a', value: '1'}]],
		'a 1 b 2': [
			[
				{key: 'a', value: '1'},
				{key: 'b', value: '2'},
			],
		],
		'a 1 b': "ERR wrong number of arguments for 'x' command",
	},
);

test(
	'an optional argument is undefined when it is not there',
	parses,
	[
		bytes('a'),
		optional(named('LIMIT', block('limit', {offset: integer('offset'), count: integer('count')}))),
		optional(bytes('b')),
	],
	{
		'1': ['1', undefined, undefined],
		'1 2': ['1', undefined, '2'],
		'1 LIMIT 2 3': ['1', {offset: 2, count: 3}, undefined],
		'1 limit 2 3 4': ['1', {offset: 2, count: 3}, '4'],
		'1 LIMIT 2': SYNTAX,
	},
);

test('keys may be counted', parses, [countedKeys(['RO']), optional(many(bytes('arg')))], {
	'1 a': [['a'], undefined],
	'2 a b c d': [
		['a', 'b'],
		['c', 'd'],
	],
	'2 a': SYNTAX,
	'0 a': NOT_INTEGER,
	'x a': NOT_INTEGER,
});

test(
	'a custom argument reads what it wants',
	parses,
	[
		custom([bytes('word')], {
			min: 0,
			max: Infinity,
			read: (cursor) => (cursor.takeWord('A') ? 'a' : cursor.take()),
		}),
	],
	{a: ['a'], b: [1], '': SYNTAX},
);

test('doubles are what strtod() takes whole', (t) => {
	const cases: Readonly<Record<string, number>> = {
		'1': 1,
		'-1.5e3': -1500,
		'.5': 0.5,
		'5.': 5,
		'+1': 1,
		inf: Infinity,
		'-Infinity': -Infinity,
		'+INF': Infinity,
		'0x10': 16,
		'0x1p4': 16,
		'-0x.8': -0.5,
		'1e400': Infinity,
		nan: Number.NaN,
		'': Number.NaN,
		' 1': Number.NaN,
		'1 ': Number.NaN,
		'1x': Number.NaN,
		'0x': Number.NaN,
		e5: Number.NaN,
	};
	for (const [written, expected] of Object.entries(cases))
		t.is(parseDouble(toBytes(written)), expected, written);
});

test('the arity is implied', (t) => {
	const arity = (...args: readonly Arg<unknown>[]): number => declared(args).arity;
	t.is(arity(), 1);
	t.is(arity(key(['RO'])), 2);
	t.is(arity(key(['RO']), optional(integer('n'))), -2);
	t.is(arity(many(key(['RO']))), -2);
	t.is(arity(many(key(['RO'])), integer('timeout')), -3);
	t.is(arity(many(block('data', {key: key(['RO']), value: bytes('value')}))), -3);
	t.is(arity(key(['RO']), bytes('v'), options({nx: flag('NX')})), -3);
	t.is(arity(countedKeys(['RO'])), -3);
	t.is(arity(named('MATCH', bytes('p'))), 3);
});

test('key specs are implied, and first, last and step by them', (t) => {
	const range = (...args: readonly Arg<unknown>[]): readonly (number | boolean)[] => {
		const {firstKey, lastKey, keyStep, hasPlainKeys} = declared(args);
		return [firstKey, lastKey, keyStep, hasPlainKeys];
	};
	t.deepEqual(range(bytes('a')), [0, 0, 0, true]);
	t.deepEqual(range(key(['RO'])), [1, 1, 1, true]);
	t.deepEqual(range(key(['RO']), key(['OW'])), [1, 2, 1, true]);
	t.deepEqual(range(many(key(['RO'])), integer('timeout')), [1, -2, 1, true]);
	t.deepEqual(range(many(block('data', {key: key(['OW']), value: bytes('value')}))), [1, -1, 2, true]);
	t.deepEqual(range(bytes('a'), key(['OW']), many(key(['RO']))), [2, -1, 1, true]);
	t.deepEqual(range(countedKeys(['RO'])), [0, 0, 0, false]);
	t.deepEqual(range(key(['OW']), countedKeys(['RO'])), [1, 1, 1, false]);
});

test('the keys of a request are found by the specs', (t) => {
	const found = new KeyPositions();
	const keysOf = (x: Command, line: string): readonly number[] | false => {
		const request = new CommandRunner({commands: [x]}).parse(new Request(), ...line.split(' '));
		return x.collectKeys(request, found) ? [...found.at.subarray(0, found.count)] : false;
	};
	const many2 = declared([many(key(['RO'])), integer('timeout')]);
	t.deepEqual(keysOf(many2, 'x a b c 0'), [1, 2, 3]);
	const pairs = declared([many(block('data', {key: key(['OW']), value: bytes('value')}))]);
	t.deepEqual(keysOf(pairs, 'x a 1 b 2'), [1, 3]);
	t.deepEqual(keysOf(pairs, 'x a 1 b'), [1, 3]);
	const store = declared([key(['OW']), countedKeys(['RO'])]);
	t.deepEqual(keysOf(store, 'x d 2 a b w'), [1, 3, 4]);
	t.false(keysOf(store, 'x d 3 a b'));
	t.false(keysOf(store, 'x d 0 a b'));
	t.false(keysOf(store, 'x d x a b'));
	const words = Array.from({length: 100}, (_, i) => `k${i}`);
	t.is((keysOf(declared([many(key(['RO']))]), `x ${words.join(' ')}`) as readonly number[]).length, 100);
});

test('keys behind a word are found by the word, from either end', (t) => {
	const behind = (startFrom: number, limit: number): Command =>
		command({
			name: 'x',
			since: '1.0.0',
			group: 'stream',
			flags: [],
			summary: '',
			args: [many(bytes('arg'))],
			keySpecs: [
				{flags: ['RO'], begin: {keyword: 'STREAMS', startFrom}, find: {lastKey: -1, step: 1, limit}},
			],
			run() {},
		});
	const found = new KeyPositions();
	const keysOf = (x: Command, line: string): readonly number[] => {
		x.collectKeys(new CommandRunner({commands: [x]}).parse(new Request(), ...line.split(' ')), found);
		return [...found.at.subarray(0, found.count)];
	};
	t.deepEqual(keysOf(behind(1, 2), 'x COUNT 2 streams a b 0 0'), [4, 5]);
	t.deepEqual(keysOf(behind(1, 2), 'x a b'), []);
	t.deepEqual(keysOf(behind(-2, 0), 'x streams a streams b'), [4]);
	t.false(behind(1, 2).hasPlainKeys);
	t.true(behind(1, 2).has('movablekeys'));
});
