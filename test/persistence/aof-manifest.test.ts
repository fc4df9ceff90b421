import test from 'ava';
import fc from 'fast-check';
import {latin1} from '../../src/lib/bytes.ts';
import {
	type AofManifest,
	formatManifest,
	ManifestError,
	parseManifest,
} from '../../src/persistence/aof-manifest.ts';

const name = fc
	.uint8Array({minLength: 1, maxLength: 20})
	.map((bytes) => latin1(bytes).replaceAll(/[\\/\0]/g, '_'));
const part = fc.record({name, sequence: fc.integer({min: 1, max: 2 ** 40})});
const manifest: fc.Arbitrary<AofManifest> = fc
	.record({
		base: fc.option(part),
		history: fc.array(part, {maxLength: 3}),
		incremental: fc.array(part, {maxLength: 4}),
	})
	.filter(({base, history, incremental}) => base !== null || history.length + incremental.length > 0)
	.map(({incremental, ...rest}) => ({
		...rest,
		// Their numbers grow.
		incremental: incremental.map((each, i) => ({...each, sequence: each.sequence + i * 2 ** 41})),
	}));

test('a manifest that was written is read', (t) => {
	fc.assert(
		fc.property(manifest, (written) => {
			t.deepEqual(parseManifest(formatManifest(written)), written);
		}),
	);
});

test('a manifest is the text that redis writes', (t) => {
	const text =
		'file appendonly.aof.2.base.rdb seq 2 type b\n' +
		'file appendonly.aof.1.incr.aof seq 1 type h\n' +
		'file "two words.aof.2.incr.aof" seq 2 type i\n' +
		'file (a),[b];{c}!.incr.aof seq 3 type i\n';
	const parsed = parseManifest(text);
	t.deepEqual(parsed, {
		base: {name: 'appendonly.aof.2.base.rdb', sequence: 2},
		history: [{name: 'appendonly.aof.1.incr.aof', sequence: 1}],
		incremental: [
			{name: 'two words.aof.2.incr.aof', sequence: 2},
			{name: '(a),[b];{c}!.incr.aof', sequence: 3},
		],
	});
	t.is(formatManifest(parsed), text);
});

test('notes, further fields and any order and case of fields are accepted', (t) => {
	const {base, incremental} = parseManifest(
		'# a note\n  TYPE b Seq 1 FILE "\\x61\\"b"  \r\nfile c seq 2 type i future field\n',
	);
	t.deepEqual(base, {name: 'a"b', sequence: 1});
	t.deepEqual(incremental, [{name: 'c', sequence: 2}]);
});

const refused = (title: string, text: string, line: number, what: RegExp): void => {
	test(`refused: ${title}`, (t) => {
		const error = t.throws(() => parseManifest(text), {instanceOf: ManifestError});
		t.is(error.line, line);
		t.regex(error.message, what);
		t.true(error.message.startsWith(`line ${line}: `));
	});
};

const GOOD = 'file a seq 1 type i\n';
refused('an empty file', '', 1, /empty/);
refused('an empty line', `${GOOD}\n`, 2, /not of the form/);
refused('a line without end', `${GOOD}file b seq 2 type i`, 2, /no end/);
refused('a field without value', 'file a seq 1 type\n', 1, /not of the form/);
refused('too few fields', 'file a seq 1\n', 1, /not of the form/);
refused('an open quote', 'file "a seq 1 type i\n', 1, /not of the form/);
refused('text behind a quote', 'file "a"b seq 1 type i\n', 1, /not of the form/);
refused('no file', 'name a seq 1 type i\n', 1, /not a file's name/);
refused('an empty name', 'file "" seq 1 type i\n', 1, /not a file's name/);
refused('a path', 'file ../a seq 1 type i\n', 1, /not a file's name/);
refused('a path of Windows', 'file a\\b seq 1 type i\n', 1, /not a file's name/);
refused('a name that ends early', 'file "a\\x00b" seq 1 type i\n', 1, /not a file's name/);
refused('no number', 'file a number 1 type i\n', 1, /no sequence number/);
refused('the number 0', 'file a seq 0 type i\n', 1, /no sequence number/);
refused('a negative number', 'file a seq -1 type i\n', 1, /no sequence number/);
refused('a number in another form', 'file a seq 0x10 type i\n', 1, /no sequence number/);
refused('a number beyond all files', 'file a seq 99999999999999999999 type i\n', 1, /no sequence number/);
refused('an unknown type', 'file a seq 1 type x\n', 1, /'x' is no type of file/);
refused('what every object has', 'file a seq 1 type toString\n', 1, /is no type of file/);
refused('two bases', 'file a seq 1 type b\nfile b seq 2 type b\n', 2, /second base/);
refused('numbers that do not grow', `${GOOD}file b seq 1 type i\n`, 2, /does not grow/);
refused('a line without measure', `${GOOD}${'x'.repeat(1100)}\n`, 2, /too long/);

test('any text is read or refused', (t) => {
	const text = fc.oneof(
		fc.string({unit: fc.constantFrom('"', '\\', 'x', '0', ' ', '\n', 'file', 'seq', 'type', 'i', '1')}),
		fc.uint8Array({maxLength: 100}).map((bytes) => `${latin1(bytes)}\n`),
	);
	fc.assert(
		fc.property(text, (each) => {
			try {
				parseManifest(each);
			} catch (error) {
				if (!(error instanceof ManifestError)) throw error;
			}
		}),
		{numRuns: 2000},
	);
	t.pass();
});
