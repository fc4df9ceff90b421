import test from 'ava';
import fc from 'fast-check';
import {toBytes} from '../../src/lib/bytes.ts';
import {globMatch, isMatchAll} from '../../src/lib/glob.ts';

const match = test.macro({
	title: (_, pattern: string, text: string) => `${pattern} describes '${text}'`,
	exec: (t, pattern: string, text: string) => t.true(globMatch(toBytes(pattern), toBytes(text))),
});
const noMatch = test.macro({
	title: (_, pattern: string, text: string) => `${pattern} does not describe '${text}'`,
	exec: (t, pattern: string, text: string) => t.false(globMatch(toBytes(pattern), toBytes(text))),
});

test(match, 'hello', 'hello');
test(noMatch, 'hello', 'Hello');
test(noMatch, 'hell', 'hello');
test(noMatch, 'hello!', 'hello');
test(match, 'h?llo', 'hallo');
test(noMatch, 'h?llo', 'hllo');
test(noMatch, '?*', '');
test(match, 'h*llo', 'hllo');
test(match, 'h*llo', 'heeeello');
test(match, '*', 'a');
test(match, 'a**', 'a');
test(noMatch, 'a*?', 'a');
test(match, 'a*b*c', 'axxbxxbxc');
test(noMatch, 'a*b*c', 'axxbxxbx');
test(match, '*a', 'ba');
test(match, '*aab', 'aaaab');
test(match, 'h[ae]llo', 'hallo');
test(noMatch, 'h[ae]llo', 'hillo');
test(match, 'h[^e]llo', 'hallo');
test(noMatch, 'h[^e]llo', 'hello');
test(match, 'h[a-c]llo', 'hbllo');
test(noMatch, 'h[a-c]llo', 'hdllo');
test(match, '[z-a]', 'm');
test(match, 'h\\*llo', 'h*llo');
test(noMatch, 'h\\*llo', 'hxllo');
test(match, 'a\\', 'a\\');
test(match, '[\\]]', ']');
test(match, '[\\', '\\');
test(match, '[^', 'a');
test(match, '[ab', 'b');
test(noMatch, 'a[', 'a[');
test(match, '[a-', '-');
test(match, '[a-]', ']');
test(match, '[a-]', '^');
test(noMatch, '[a-]', 'b');
test(noMatch, '[a-]', '-');
test(noMatch, '[]', 'a');
test(noMatch, '[]a]', 'a');
test(match, '', '');
test(noMatch, '*', '');
test(noMatch, '**', '');
test(noMatch, '', 'a');
test(match, '{t}*', '{t}key');

test('case does not count when told so, except in an escape within a class', (t) => {
	t.true(globMatch(toBytes('HE*'), toBytes('hello'), true));
	t.true(globMatch(toBytes('[A-C]'), toBytes('b'), true));
	t.true(globMatch(toBytes('[X]'), toBytes('x'), true));
	t.false(globMatch(toBytes('[\\X]'), toBytes('x'), true));
	t.false(globMatch(toBytes('HE*'), toBytes('hello')));
});

test('a pattern of many stars takes no exponential time', (t) => {
	const pattern = toBytes(`${'a*'.repeat(50)}b`);
	t.false(globMatch(pattern, toBytes('a'.repeat(2000))));
});

test('stars and literals match as the regular expression with the same meaning', (t) => {
	const pattern = fc.string({unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8});
	const text = fc.string({unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 12});
	fc.assert(
		fc.property(pattern, text, (glob, subject) => {
			const expression = new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`);
			return globMatch(toBytes(glob), toBytes(subject)) === expression.test(subject);
		}),
		{numRuns: 2000},
	);
	t.pass();
});

test('only the single star matches all', (t) => {
	t.true(isMatchAll(toBytes('*')));
	t.false(isMatchAll(toBytes('**')));
	t.false(isMatchAll(toBytes('')));
});
