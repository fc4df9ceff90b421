import test from 'ava';
import {AccessClock} from '../../src/data/access-clock.ts';
import {Keyspace} from '../../src/data/keyspace.ts';
import {toBytes} from '../../src/lib/bytes.ts';
import {Prng} from '../../src/lib/prng.ts';
import {setText} from './keyspace-model.ts';

const NOW = 1_700_000_000_000;

test('idle time is counted from the last lookup', (t) => {
	const keyspace = new Keyspace();
	keyspace.now = NOW;
	const ref = setText(keyspace, 'k', 'v');
	keyspace.now = NOW + 90_000;
	t.is(keyspace.idleSeconds(ref), 90);
	keyspace.findKey(toBytes('k'));
	t.is(keyspace.idleSeconds(ref), 90);
	keyspace.noTouch = true;
	keyspace.lookupKey(toBytes('k'));
	t.is(keyspace.idleSeconds(ref), 90);
	keyspace.noTouch = false;
	keyspace.lookupKey(toBytes('k'));
	t.is(keyspace.idleSeconds(ref), 0);
	keyspace.setIdleSeconds(ref, 1000);
	t.is(keyspace.idleSeconds(ref), 1000);
});

test('idle time survives the wrap of its 24 bits', (t) => {
	const clock = new AccessClock(new Prng(1));
	clock.advance((2 ** 24 - 10) * 1000);
	const bits = clock.initial();
	clock.advance((2 ** 24 + 20) * 1000);
	t.is(clock.idleSeconds(bits), 29);
});

test('a new key has the frequency 5, which decays by one a minute and not below 0', (t) => {
	const clock = new AccessClock(new Prng(1));
	clock.policy = 'lfu';
	clock.advance(NOW);
	const bits = clock.initial();
	t.is(clock.frequency(bits), 5);
	clock.advance(NOW + 3 * 60_000);
	t.is(clock.frequency(bits), 2);
	clock.advance(NOW + 60 * 60_000);
	t.is(clock.frequency(bits), 0);
	clock.lfuDecayMinutes = 0;
	t.is(clock.frequency(bits), 5);
});

test('the frequency grows by its logarithm and stops at 255', (t) => {
	const clock = new AccessClock(new Prng(1));
	clock.policy = 'lfu';
	clock.advance(NOW);
	let bits = clock.initial();
	for (let i = 0; i < 1000; i++) {
		bits = clock.touched(bits);
	}
	// redis.conf tells about 18 for 1000 hits at factor 10.
	t.true(clock.frequency(bits) >= 12 && clock.frequency(bits) <= 25, String(clock.frequency(bits)));
	clock.lfuLogFactor = 0;
	for (let i = 0; i < 1000; i++) {
		bits = clock.touched(bits);
	}
	t.is(clock.frequency(bits), 255);
});

test('a key that is set anew keeps its frequency but not its idle time', (t) => {
	const keyspace = new Keyspace();
	keyspace.now = NOW;
	keyspace.access.policy = 'lfu';
	let ref = setText(keyspace, 'k', 'v');
	keyspace.setFrequency(ref, 77);
	ref = setText(keyspace, 'k', 'w'.repeat(500));
	t.is(keyspace.frequency(ref), 77);
	keyspace.access.policy = 'lru';
	keyspace.setIdleSeconds(ref, 50);
	ref = setText(keyspace, 'k', 'x'.repeat(500));
	t.is(keyspace.idleSeconds(ref), 0);
});
