import test from 'ava';
import {allCommands} from '../../src/commands/families.ts';
import {latin1} from '../../src/lib/bytes.ts';
import {Request} from '../../src/resp/request.ts';
import {NodeConfig} from '../../src/node/config.ts';
import {NodeSlowlog} from '../../src/node/slowlog.ts';
import {CommandRunner} from '../commands/harness.ts';

const runner = new CommandRunner({commands: allCommands});

function slowlogOf(slowerThanUs: number, maxLength: number) {
	const config = new NodeConfig();
	config.set([
		['slowlog-log-slower-than', String(slowerThanUs)],
		['slowlog-max-len', String(maxLength)],
	]);
	const slowlog = new NodeSlowlog(config);
	const add = (durationUs: number, ...words: readonly string[]): void => {
		const request = runner.parse(new Request(), ...words);
		slowlog.add(runner.table.find(request)!, request, runner.client, durationUs, 5_500);
	};
	return {config, slowlog, add};
}

test('a command that took as long as the threshold is kept, a faster one is not', (t) => {
	const {slowlog, add} = slowlogOf(100, 10);
	add(99, 'GET', 'fast');
	add(100.7, 'GET', 'slow');
	const [entry, ...others] = slowlog.entries(-1);
	t.is(others.length, 0);
	t.like(entry, {id: 0, atSeconds: 5, durationUs: 100, address: runner.client.address, clientName: ''});
	t.deepEqual(
		entry!.arguments.map((argument) => latin1(argument)),
		['GET', 'slow'],
	);
});

test('the newest stands first, old ones make room, ids go on after a reset', (t) => {
	const {slowlog, add} = slowlogOf(0, 3);
	for (let i = 0; i < 5; i++) add(i, 'GET', String(i));
	const ids = (count: number): number[] => slowlog.entries(count).map(({id}) => id);
	t.deepEqual(ids(-1), [4, 3, 2]);
	t.deepEqual(ids(2), [4, 3]);
	t.deepEqual(ids(0), []);
	t.is(slowlog.length, 3);
	slowlog.reset();
	add(0, 'PING');
	t.deepEqual(ids(-1), [5]);
});

test('a negative threshold and a length of 0 keep nothing, a shorter length acts with the next entry', (t) => {
	const off = slowlogOf(-1, 10);
	off.add(1e9, 'PING');
	t.is(off.slowlog.length, 0);
	const none = slowlogOf(0, 0);
	none.add(1e9, 'PING');
	t.is(none.slowlog.length, 0);
	const {config, slowlog, add} = slowlogOf(0, 10);
	for (let i = 0; i < 5; i++) add(1, 'PING');
	config.set([['slowlog-max-len', '2']]);
	add(1, 'PING');
	t.is(slowlog.length, 2);
});

test('what an entry shows is its own: the read buffer may be overwritten', (t) => {
	const {slowlog} = slowlogOf(0, 10);
	const request = runner.parse(new Request(), 'GET', 'key');
	slowlog.add(runner.table.find(request)!, request, runner.client, 1, 0);
	request.region.bytes.fill(0);
	t.is(latin1(slowlog.entries(1)[0]!.arguments[1]!), 'key');
});
