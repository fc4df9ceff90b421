import test from 'ava';
import fc from 'fast-check';
import {CommandHistogram} from '../../src/node/latency-histogram.ts';

function histogramOf(values: readonly number[]): CommandHistogram {
	const histogram = new CommandHistogram();
	for (const value of values) histogram.record(value);
	return histogram;
}

test('bounds double from 1 us on and are the upper ends of cells, as redis prints them', (t) => {
	const histogram = histogramOf(Array.from({length: 20}, (_, i) => 900 * 2 ** i));
	const bounds = histogram.cumulative();
	t.deepEqual(
		bounds.map(([bound]) => bound),
		[
			1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056, 2113, 4227, 8454, 16_908, 33_816, 67_633, 135_266, 270_532,
			541_065,
		],
	);
	t.deepEqual(
		bounds.map(([, calls]) => calls),
		Array.from({length: 20}, (_, i) => i + 1),
	);
});

test('a bound at which no call was added is left out', (t) => {
	t.deepEqual(histogramOf([500, 500, 40_000]).cumulative(), [
		[1, 2],
		[66, 3],
	]);
	t.deepEqual(histogramOf([]).cumulative(), []);
});

test('a percentile is the upper end of the cell it falls into', (t) => {
	t.is(histogramOf([372_000]).percentileNs(50), 372_735);
	const histogram = histogramOf([1000, 2000, 3000, 4000]);
	t.is(histogram.percentileNs(50), 2007);
	t.is(histogram.percentileNs(100), 4015);
});

test('percentiles are exact to one part in 128', (t) => {
	fc.assert(
		fc.property(
			fc.array(fc.integer({min: 1, max: 1_000_000_000}), {minLength: 1, maxLength: 200}),
			fc.integer({min: 1, max: 100}),
			(values, percentile) => {
				const sorted = values.toSorted((a, b) => a - b);
				const exact = sorted[Math.max(1, Math.floor((percentile / 100) * sorted.length + 0.5)) - 1]!;
				const told = histogramOf(values).percentileNs(percentile);
				return told >= exact && told - exact <= exact / 127;
			},
		),
	);
	t.pass();
});

test('durations beyond a second and below a nanosecond count as these', (t) => {
	const histogram = histogramOf([0, 0.2, 5e12]);
	t.is(histogram.count, 3);
	t.is(histogram.percentileNs(50), 1);
	t.true(histogram.percentileNs(100) >= 1e9);
	t.is(histogram.cumulative().at(-1)![1], 3);
});

test('calls that were timed together count each with their mean', (t) => {
	const histogram = new CommandHistogram();
	histogram.record(3000, 64);
	t.is(histogram.count, 64);
	t.deepEqual(histogram.cumulative(), [[4, 64]]);
});
