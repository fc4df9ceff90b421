/** Runs the scenario files beside this one. UPDATE=1 writes what they show now, for a review of the difference. */

import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {rewriteScenario} from '../../src/sim/scenario.ts';

// The compiled test runs from another folder than the texts are in.
const folder = path.resolve('test/scenarios');

for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
	const text = readFileSync(path.join(folder, file), 'utf8');
	const title = text.slice(0, text.indexOf('\n')).replace(/^# /, '');
	test(`${title} (${file})`, (t) => {
		const actual = rewriteScenario(text);
		if (process.env['UPDATE'] === '1') writeFileSync(path.join(folder, file), actual);
		else t.is(actual, text);
		t.pass();
	});
}
