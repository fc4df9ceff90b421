import test from 'ava';
import {Keyspace} from '../../src/data/keyspace.ts';
import {latin1, toBytes} from '../../src/lib/bytes.ts';
import {findText, setText} from './keyspace-model.ts';

const NOW = 1_700_000_000_000;

function expiring(): {keyspace: Keyspace; expired: string[]} {
	const expired: string[] = [];
	const keyspace = new Keyspace({seed: 1, hooks: {onExpired: (key) => expired.push(latin1(key))}});
	keyspace.now = NOW;
	return {keyspace, expired};
}

test('a key lives through the millisecond of its expiry and is gone after it', (t) => {
	const {keyspace, expired} = expiring();
	setText(keyspace, 'k', 'v', false, NOW + 5);
	keyspace.now = NOW + 5;
	t.not(findText(keyspace, 'k'), 0);
	keyspace.now = NOW + 6;
	t.is(keyspace.size, 1);
	t.is(findText(keyspace, 'k'), 0);
	t.is(keyspace.size, 0);
	t.deepEqual(expired, ['k']);
	t.is(keyspace.expiredCount, 1);
});

test('a set without keepTtl takes the expiry away, with it the expiry stays', (t) => {
	const {keyspace} = expiring();
	setText(keyspace, 'k', 'v', false, NOW + 5);
	t.is(keyspace.expireAt(setText(keyspace, 'k', 'w', true)), NOW + 5);
	t.is(keyspace.volatileCount, 1);
	t.is(keyspace.expireAt(setText(keyspace, 'k', 'x')), -1);
	t.is(keyspace.volatileCount, 0);
});

test('setting an expired key is told as its expiry, and its old expiry is not kept', (t) => {
	const {keyspace, expired} = expiring();
	setText(keyspace, 'k', 'v', false, NOW - 1);
	t.is(keyspace.expireAt(setText(keyspace, 'k', 'w', true)), -1);
	t.deepEqual(expired, ['k']);
	t.is(keyspace.size, 1);
});

test('removing an expired key says that there was none', (t) => {
	const {keyspace, expired} = expiring();
	setText(keyspace, 'k', 'v', false, NOW - 1);
	t.false(keyspace.removeKey(toBytes('k')));
	t.deepEqual(expired, ['k']);
});

test('while expired keys are hidden they are not found but stay, and can be overwritten and removed', (t) => {
	const {keyspace, expired} = expiring();
	keyspace.expiredKeys = 'hide';
	setText(keyspace, 'k', 'v', false, NOW - 1);
	setText(keyspace, 'l', 'v', false, NOW - 1);
	t.is(findText(keyspace, 'k'), 0);
	t.is(keyspace.size, 2);
	keyspace.activeExpire(() => false);
	t.is(keyspace.size, 2);
	setText(keyspace, 'k', 'w');
	t.is(keyspace.size, 2);
	t.not(findText(keyspace, 'k'), 0);
	t.true(keyspace.removeKey(toBytes('l')));
	t.is(keyspace.size, 1);
	t.deepEqual(expired, []);
	keyspace.check();
});

test('while expiry is ignored an expired key is a key like all others', (t) => {
	const {keyspace} = expiring();
	keyspace.expiredKeys = 'ignore';
	setText(keyspace, 'k', 'v', false, NOW - 1);
	t.not(findText(keyspace, 'k'), 0);
	t.not(keyspace.randomRef(), 0);
});

test('a random key is never an expired one, and among hidden ones the search ends', (t) => {
	const {keyspace} = expiring();
	for (let i = 0; i < 100; i++) {
		setText(keyspace, `old:${i}`, '', false, NOW - 1);
	}
	keyspace.expiredKeys = 'hide';
	t.not(keyspace.randomRef(), 0);
	keyspace.expiredKeys = 'remove';
	setText(keyspace, 'new', '');
	t.is(latin1(keyspace.keyBytes(keyspace.randomRef())), 'new');
	for (let i = 0; i < 100; i++) {
		t.is(latin1(keyspace.keyBytes(keyspace.randomRef())), 'new');
	}
});

test('random volatile keys are drawn among these alone', (t) => {
	const {keyspace} = expiring();
	t.is(keyspace.randomVolatileRef(), 0);
	const drawn = new Set<string>();
	for (let i = 0; i < 2000; i++) {
		setText(keyspace, `{t}${i}`, '', false, i % 100 === 0 ? NOW + 1 : -1);
	}
	setText(keyspace, 'alone', '', false, NOW + 1);
	for (let i = 0; i < 3000; i++) {
		const ref = keyspace.randomVolatileRef();
		t.is(keyspace.expireAt(ref), NOW + 1);
		drawn.add(latin1(keyspace.keyBytes(ref)));
	}
	t.is(drawn.size, 21);
});

test('the active cycle removes all expired keys in one slice when nothing stops it', (t) => {
	const {keyspace, expired} = expiring();
	for (let i = 0; i < 5000; i++) {
		setText(keyspace, `key:${i}`, '', false, i % 2 ? NOW - 1 : NOW + 1000);
		setText(keyspace, `plain:${i}`, '');
	}
	const slice = keyspace.activeExpire(() => false);
	t.is(slice.expired, expired.length);
	t.is(keyspace.size, 7500);
	t.false(slice.timedOut);
	keyspace.check();
});

test('the active cycle leaves a key alone in the millisecond of its expiry', (t) => {
	const {keyspace} = expiring();
	setText(keyspace, 'k', '', false, NOW);
	t.is(keyspace.activeExpire(() => false).expired, 0);
	keyspace.now = NOW + 1;
	t.is(keyspace.activeExpire(() => false).expired, 1);
});

test('the active cycle stops at its deadline and goes on where it stopped', (t) => {
	const {keyspace} = expiring();
	for (let i = 0; i < 1000; i++) {
		setText(keyspace, `{t}${i}`, '', false, NOW - 1);
	}
	let slices = 0;
	while (keyspace.size > 0 && slices < 100) {
		const slice = keyspace.activeExpire(() => true);
		t.true(slice.timedOut || keyspace.size === 0);
		t.true(slice.examined <= 40);
		slices++;
	}
	t.is(keyspace.size, 0);
	t.true(slices >= 25 && slices <= 35, String(slices));
});

test('where few keys are expired the active cycle looks at a few and leaves, but reaches all in time', (t) => {
	const {keyspace} = expiring();
	for (let i = 0; i < 3000; i++) {
		setText(keyspace, `key:${i}`, '', false, i % 500 === 0 ? NOW - 1 : NOW + 1000);
	}
	let examined = 0;
	for (let i = 0; i < 200; i++) {
		const slice = keyspace.activeExpire(() => false);
		t.true(slice.examined < 200);
		examined += slice.examined;
	}
	t.true(examined >= 3000);
	t.is(keyspace.size, 2994);
	t.true(keyspace.avgTtlMs > 900 && keyspace.avgTtlMs <= 1000);
	t.true(keyspace.staleShare < 0.1);
});

test('one volatile key among many is found by the active cycle', (t) => {
	const {keyspace} = expiring();
	for (let i = 0; i < 50_000; i++) {
		setText(keyspace, `{t}${i}`, '');
	}
	setText(keyspace, '{t}x', '', false, NOW - 1);
	keyspace.activeExpire(() => false);
	t.is(keyspace.size, 50_000);
});

test('expiries are exact to the millisecond up to 2^53', (t) => {
	const {keyspace} = expiring();
	const ref = setText(keyspace, 'k', 'v', false, Number.MAX_SAFE_INTEGER);
	t.is(keyspace.expireAt(ref), Number.MAX_SAFE_INTEGER);
	t.is(keyspace.expireAt(keyspace.setExpireAt(ref, 0)), 0);
});
