import test from 'ava';
import {Prng} from '../../src/lib/prng.ts';

test('the same seed gives the same numbers, another seed others', (t) => {
	const numbers = (seed: number) => {
		const prng = new Prng(seed);
		return Array.from({length: 8}, () => prng.next32());
	};
	t.deepEqual(numbers(7), numbers(7));
	t.notDeepEqual(numbers(7), numbers(8));
	t.notDeepEqual(numbers(1), numbers(1 + 2 ** 32), 'the upper bits of a seed count');
});

test('below reaches every number under its bound, about equally often', (t) => {
	const prng = new Prng(3);
	const counts = new Array<number>(10).fill(0);
	for (let i = 0; i < 100_000; i++) {
		counts[prng.below(10)]!++;
	}
	// Five standard deviations of a binomial with n = 100,000 and p = 0.1.
	t.true(
		counts.every((count) => Math.abs(count - 10_000) < 475),
		counts.join(' '),
	);
	t.is(prng.below(1), 0);
});

test('fraction stays in [0, 1) and shuffle keeps all elements', (t) => {
	const prng = new Prng(4);
	for (let i = 0; i < 1000; i++) {
		const fraction = prng.fraction();
		t.true(fraction >= 0 && fraction < 1);
	}
	const shuffled = prng.shuffle(Array.from({length: 50}, (_, i) => i));
	t.notDeepEqual(
		shuffled,
		Array.from({length: 50}, (_, i) => i),
	);
	t.deepEqual(
		shuffled.toSorted((a, b) => a - b),
		Array.from({length: 50}, (_, i) => i),
	);
});
