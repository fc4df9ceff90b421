import test from 'ava';
import {sparkline} from '../../src/commands/sparkline.ts';

test('bars rise from the least value to the greatest, labels are read downwards', (t) => {
	const bars = [
		{value: 120, label: '4s'},
		{value: 300, label: '2s'},
		{value: 200, label: '10s'},
	];
	t.is(sparkline(bars), [' # ', ' | ', ' |#', '_||', '   ', '421', 'ss0', '  s', ''].join('\n'));
});

test('equal values are a flat line', (t) => {
	t.is(
		sparkline(Array.from({length: 3}, () => ({value: 7, label: ''}))),
		['   ', '   ', '   ', '___', '   ', ''].join('\n'),
	);
});

test('more than 80 bars continue in a block below', (t) => {
	const lines = sparkline(Array.from({length: 81}, (_, value) => ({value, label: 'x'}))).split('\n');
	t.is(lines[0]!.length, 80);
	t.is(lines[6], '');
	t.is(lines[7]!.length, 1);
});
