import test from 'ava';
import {endOf, parseLogLine, startFailureIn} from '../../src/launcher/server-log.ts';

const at = '25789:M 24 Nov 2026 14:25:29.461';

test('a line of the log has a level; any other is a notice', (t) => {
	t.deepEqual(parseLogLine(`${at} # Cluster state changed: ok`), {
		level: 'warning',
		text: 'Cluster state changed: ok',
	});
	t.deepEqual(parseLogLine(`${at} * a # b`), {level: 'notice', text: 'a # b'});
	t.deepEqual(parseLogLine(`${at} - x`), {level: 'verbose', text: 'x'});
	t.deepEqual(parseLogLine(`${at} . x`), {level: 'debug', text: 'x'});
	t.deepEqual(parseLogLine('*** FATAL ***'), {level: 'notice', text: '*** FATAL ***'});
});

for (const [words, code] of [
	['Address already in use', 'EADDRINUSE'],
	['Permission denied', 'EACCES'],
	['Cannot assign requested address', 'EADDRNOTAVAIL'],
] as const) {
	test(`a port that cannot be had is ${code}: ${words}`, (t) => {
		const line = `${at} # Warning: Could not create server TCP listening socket 127.0.0.1:17000: bind: ${words}`;
		t.like(
			startFailureIn(
				[`${at} # x`, line, `${at} # Failed listening on port 17000 (TCP), aborting.`],
				'exit 1',
			),
			{
				code,
				port: 17_000,
			},
		);
	});
}

test('any other end is told by its last lines, without what every start says', (t) => {
	const lines = [
		`${at} # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo`,
		`${at} # Server initialized`,
		'*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***',
		'Reading the configuration file, at line 2',
		">>> 'maxmemry 1'",
	];
	const told =
		"the process ended with exit code 1\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at line 2\n>>> 'maxmemry 1'";
	t.is(endOf(lines, 'the process ended with exit code 1'), told);
	t.deepEqual(startFailureIn(lines, 'the process ended with exit code 1'), {
		code: 'ERR_SHOAL_ENGINE',
		message: told,
	});
});
