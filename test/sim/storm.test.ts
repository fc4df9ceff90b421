import test from 'ava';
import {runStorm} from '../../src/sim/storm.ts';

/** SEEDS=1000 for a night's run, SEED=17 to see one again. */
const only = process.env['SEED'];
const count = Number(process.env['SEEDS'] ?? 30);
const seeds = only === undefined ? Array.from({length: count}, (_, index) => index + 1) : [Number(only)];

test(`whatever happens in ${count} seeded storms, no slot is claimed and no vote given twice in one epoch, dead primaries are replaced, and all agree after the heal`, (t) => {
	t.timeout(seeds.length * 2000);
	for (const seed of seeds) {
		// The error of a failed storm names its seed and tells its story.
		const report = runStorm(seed);
		t.true(report.messages > 0);
	}
});

test('the same seed gives the same storm, message by message', (t) => {
	t.deepEqual(runStorm(4), runStorm(4));
});
