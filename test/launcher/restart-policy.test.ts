import test from 'ava';
import {crashesInARow, restartDelayMs} from '../../src/launcher/restart-policy.ts';

for (const [crashes, delayMs] of [
	[1, 100],
	[2, 200],
	[3, 400],
	[7, 6400],
	[8, 10_000],
	[9, 10_000],
	[5000, 10_000],
] as const) {
	test(`crash ${crashes} in a row: ${delayMs} ms until the restart`, (t) => {
		t.is(restartDelayMs(crashes), delayMs);
	});
}

for (const [before, ranMs, crashes] of [
	[0, 0, 1],
	[1, 0, 2],
	[4, 9999, 5],
	[4, 10_000, 1],
	[4, 1e9, 1],
] as const) {
	test(`${before} crashes before, then ${ranMs} ms of life: ${crashes} in a row`, (t) => {
		t.is(crashesInARow(before, ranMs), crashes);
	});
}
