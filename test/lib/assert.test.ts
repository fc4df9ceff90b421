import test from 'ava';
import {assert, AssertionError, unreachable} from '../../src/lib/assert.ts';

test('a condition that holds passes, another throws its message', (t) => {
	t.notThrows(() => assert(true, 'never'));
	t.throws(() => assert(false, 'sizes agree'), {instanceOf: AssertionError, message: 'sizes agree'});
});

test('unreachable names the value that came', (t) => {
	t.throws(() => unreachable('x' as never), {instanceOf: AssertionError, message: 'unreachable: x'});
});
