import test from 'ava';

import {type Command, command} from '../../src/commands/command.ts';
import {allCommands} from '../../src/commands/families.ts';
import {toBytes} from '../../src/lib/bytes.ts';
import {Request} from '../../src/resp/request.ts';
import {CommandRunner, type Word} from './harness.ts';

const declare = (name: string): Command =>
	command({
		name,
		since: '1.0.0',
		group: 'server',
		flags: [],
		summary: '',
		run({reply}) {
			reply.simple(name);
		},
	});
const container = (name: string): Command =>
	command({name, since: '1.0.0', group: 'server', flags: [], summary: ''});

const small = new CommandRunner({
	commands: [
		'get',
		'getex',
		'a-b',
		'georadiusbymember',
		'georadiusbymember_ro',
		'client|kill',
		'client|no-evict',
	]
		.map(declare)
		.concat(container('client')),
});

function found(runner: CommandRunner, ...words: readonly Word[]): string | null {
	return runner.table.find(runner.parse(new Request(), ...words))?.name ?? null;
}

test('a command is found by its name in any case', (t) => {
	t.is(found(small, 'get'), 'get');
	t.is(found(small, 'GET', 'x'), 'get');
	t.is(found(small, 'gEt'), 'get');
	t.is(found(small, 'getex'), 'getex');
	t.is(found(small, 'GEORADIUSBYMEMBER'), 'georadiusbymember');
	t.is(found(small, 'GEORADIUSBYMEMBER_RO'), 'georadiusbymember_ro');
});

test('only letters have two cases', (t) => {
	t.is(found(small, 'A-B'), 'a-b');
	t.is(found(small, 'A\rB'), null);
	t.is(found(small, 'GEORADIUSBYMEMBER\x7fRO'), null);
	t.is(found(small, toBytes('\x07et')), null);
	t.is(found(small, 'gEt\0'), null);
	t.is(found(small, ''), null);
	t.is(found(small, 'ge'), null);
	t.is(found(small, 'gett'), null);
});

test('a subcommand is found by two names, its container alone by one', (t) => {
	t.is(found(small, 'CLIENT', 'Kill'), 'client|kill');
	t.is(found(small, 'client', 'NO-EVICT', 'on'), 'client|no-evict');
	t.is(found(small, 'client'), 'client');
	t.is(found(small, 'client', 'nosuch'), null);
	t.is(found(small, 'client|kill'), null);
	t.is(small.table.named('Client|KILL')?.name, 'client|kill');
	t.is(small.table.named('kill'), undefined);
});

test('every command of the server is found, whatever it shares with others', (t) => {
	const full = new CommandRunner({commands: allCommands});
	for (const {name} of full.table.all) {
		t.is(found(full, ...name.split('|')), name);
		t.is(found(full, ...name.toUpperCase().split('|')), name);
		t.is(found(full, `${name}x`), null);
	}
});

test('what is not found is answered as redis does', (t) => {
	const line = (...words: readonly Word[]): string => small.raw(...words).slice(1, -2);
	t.is(line('foo'), "ERR unknown command 'foo', with args beginning with: ");
	t.is(line('foo', 'a', 'b'), "ERR unknown command 'foo', with args beginning with: 'a' 'b' ");
	t.is(line('fo\no', '\r'), "ERR unknown command 'fo o', with args beginning with: ' ' ");
	t.is(line('foo', 'a\0b'), "ERR unknown command 'foo', with args beginning with: 'a' ");
	const long = 'x'.repeat(200);
	t.is(line(long), `ERR unknown command '${long.slice(0, 128)}', with args beginning with: `);
	t.is(
		line('foo', long, 'b'),
		`ERR unknown command 'foo', with args beginning with: '${long.slice(0, 128)}' `,
	);
	const half = 'y'.repeat(60);
	t.is(
		line('foo', half, half, 'tail', 'unseen'),
		`ERR unknown command 'foo', with args beginning with: '${half}' '${half}' 'ta' `,
	);
	t.is(line(new Uint8Array([0xff, 0x80])), "ERR unknown command '\xff\x80', with args beginning with: ");
	t.is(line('cliEnt', 'x'), "ERR unknown subcommand 'x'. Try CLIENT HELP.");
	t.is(line('client'), "ERR wrong number of arguments for 'client' command");
	t.is(line('client', 'kill', 'x'), "ERR wrong number of arguments for 'client|kill' command");
	t.is(line('get', 'x'), "ERR wrong number of arguments for 'get' command");
});

test('a table refuses what is declared twice or has no container', (t) => {
	t.throws(() => new CommandRunner({commands: [declare('a'), declare('a')]}), {message: /twice/});
	t.throws(() => new CommandRunner({commands: [declare('a|b')]}), {message: /container/});
});

test('a hot form that refuses is followed by the plain one', (t) => {
	const both = command({
		name: 'x',
		since: '1.0.0',
		group: 'string',
		flags: [],
		summary: '',
		arity: -1,
		inPlace({reply}, request) {
			if (request.count > 1) return false;
			reply.simple('hot');
			return true;
		},
		run({reply}) {
			reply.simple('plain');
		},
	});
	const runner = new CommandRunner({commands: [both]});
	t.is(runner.raw('x'), '+hot\r\n');
	t.is(runner.raw('x', 'y'), '-ERR syntax error\r\n');
});

test('an error takes back what was replied before', (t) => {
	const fails = command({
		name: 'x',
		since: '1.0.0',
		group: 'string',
		flags: [],
		summary: '',
		run({reply}) {
			reply.array(2);
			throw new Error('a defect is not the client’s error');
		},
	});
	t.throws(() => new CommandRunner({commands: [fails]}).raw('x'), {message: /defect/});
});
