import test from 'ava';
import fc from 'fast-check';
import {genericCommands} from '../../src/commands/generic.ts';
import {NO_PROPAGATION, type PropagatedWord} from '../../src/commands/propagation.ts';
import type {Services} from '../../src/commands/services.ts';
import {Settings} from '../../src/commands/settings.ts';
import {stringCommands} from '../../src/commands/string.ts';
import {Keyspace} from '../../src/data/keyspace.ts';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {Crc64} from '../../src/lib/crc64.ts';
import {CommandRunner} from './harness.ts';

const NOW = 1_700_000_000_000;

class Database extends CommandRunner {
	readonly db: Keyspace;
	/** What went on in place of a command. */
	readonly propagated: string[][] = [];

	constructor() {
		const db = new Keyspace({seed: 1});
		db.now = NOW;
		super({
			commands: [...genericCommands, ...stringCommands],
			databases: [db],
			services: {
				config: {settings: new Settings()} as unknown as Services['config'],
				propagation: {
					...NO_PROPAGATION,
					isOn: true,
					instead: (...words) => {
						this.propagated.push(words.map(shown));
					},
				},
			},
		});
		this.db = db;
	}

	/** The bytes that DUMP replies. */
	dump(key: string): Uint8Array {
		const reply = this.raw('dump', key);
		return latin1ToBytes(reply.slice(reply.indexOf('\r\n') + 2, -2));
	}
}

const shown = (word: PropagatedWord): string => (word instanceof Uint8Array ? latin1(word) : String(word));

/** With the version and the checksum that make it intact. */
function payload(value: Uint8Array): Uint8Array {
	const whole = new Uint8Array(value.length + 10);
	whole.set(value);
	whole[value.length] = 10;
	const crc = new Crc64();
	crc.update(whole, 0, value.length + 2);
	crc.writeTo(whole, value.length + 2);
	return whole;
}

test('what DUMP gave RESTORE takes', (t) => {
	const text = fc.oneof(
		fc.uint8Array({maxLength: 100}),
		fc.integer().map((number) => latin1ToBytes(String(number))),
		fc
			.tuple(fc.uint8Array({maxLength: 5}), fc.nat(2000))
			.map(([unit, times]) => latin1ToBytes(latin1(unit).repeat(times))),
	);
	fc.assert(
		fc.property(text, (value) => {
			const d = new Database();
			d.run('set', 'from', value);
			t.is(d.run('restore', 'to', '0', d.dump('from')), 'OK');
			t.deepEqual(d.db.value(d.db.findKey(latin1ToBytes('to'))), value);
		}),
	);
});

test('any bytes are refused with one of two errors, and change nothing', (t) => {
	const d = new Database();
	d.run('set', 'key', 'the quick brown fox and the quick brown dog');
	const good = d.dump('key');
	const mutation = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), {maxLength: 4}).map((changes) => {
		const wrong = good.slice(0, -10);
		for (const [at, byte] of changes) if (at < wrong.length) wrong[at] = byte;
		return wrong;
	});
	const outcomes = new Set<string>();
	fc.assert(
		fc.property(fc.oneof(mutation, fc.uint8Array({maxLength: 60})), fc.boolean(), (value, isIntact) => {
			const reply = d.raw('restore', 'key', '0', isIntact ? payload(value) : value, 'REPLACE').trim();
			outcomes.add(reply);
			if (reply === '+OK') d.run('restore', 'key', '0', good, 'REPLACE');
			t.is(latin1(d.dump('key')), latin1(good));
		}),
		{numRuns: 3000},
	);
	t.deepEqual([...outcomes].toSorted(), [
		'+OK',
		'-ERR Bad data format',
		'-ERR DUMP payload version or checksum are wrong',
	]);
});

test('a bit that flips anywhere in a payload is found', (t) => {
	const d = new Database();
	d.run('set', 'key', 'v'.repeat(50));
	const good = d.dump('key');
	for (let bit = 0; bit < good.length * 8; bit++) {
		const wrong = good.slice();
		wrong[bit >> 3]! ^= 1 << (bit & 7);
		t.is(d.raw('restore', 'other', '0', wrong), '-ERR DUMP payload version or checksum are wrong\r\n');
	}
	t.is(d.db.size, 1);
});

test('types that there are none of yet are refused as bad data', (t) => {
	const d = new Database();
	for (const type of [1, 2, 3, 4, 10, 18, 21]) {
		t.is(d.raw('restore', 'k', '0', payload(new Uint8Array([type, 1, 1, 97]))), '-ERR Bad data format\r\n');
	}
});

test('RESTORE goes on with the time at which the key expires', (t) => {
	const d = new Database();
	d.run('set', 'from', 'v');
	const dumped = d.dump('from');
	const text = latin1(dumped);
	d.run('restore', 'a', '5000', dumped);
	d.run('restore', 'b', '5000', dumped, 'IDLETIME', '3', 'replace');
	t.deepEqual(d.propagated, [
		['RESTORE', 'a', String(NOW + 5000), text, 'ABSTTL'],
		['RESTORE', 'b', String(NOW + 5000), text, 'IDLETIME', '3', 'replace', 'ABSTTL'],
	]);
	d.propagated.length = 0;
	// These say it already.
	d.run('restore', 'c', '0', dumped);
	d.run('restore', 'd', String(NOW + 1), dumped, 'ABSTTL');
	t.deepEqual(d.propagated, []);
	t.is(d.db.dirty, 5);
	t.is(d.db.expireAt(d.db.findKey(latin1ToBytes('a'))), NOW + 5000);
});

test('a value that has expired replaces a key by nothing, which goes on as DEL', (t) => {
	const d = new Database();
	d.run('set', 'k', 'v');
	const dumped = d.dump('k');
	t.is(d.run('restore', 'k', '1', dumped, 'ABSTTL', 'REPLACE'), 'OK');
	t.is(d.db.size, 0);
	t.deepEqual(d.propagated, [['DEL', 'k']]);
	t.is(d.db.dirty, 2);
	t.is(d.run('restore', 'k', '1', dumped, 'ABSTTL'), 'OK');
	t.is(d.db.dirty, 2);
	t.is(d.propagated.length, 1);
});

test('a replica, and who replays a file, take what has expired: another decides when it goes', (t) => {
	const d = new Database();
	d.run('set', 'k', 'v');
	d.db.expiredKeys = 'ignore';
	t.is(d.run('restore', 'old', '1', d.dump('k'), 'ABSTTL'), 'OK');
	t.is(d.db.size, 2);
});

test('how a key was used is taken over by the policy that keeps it', (t) => {
	const d = new Database();
	d.run('set', 'k', 'v');
	const dumped = d.dump('k');
	d.run('restore', 'idle', '0', dumped, 'IDLETIME', '9000000000000000');
	t.true(d.db.idleSeconds(d.db.findKey(latin1ToBytes('idle'))) >= 2 ** 24 - 2);
	d.run('restore', 'twice', '0', dumped, 'IDLETIME', '10', 'IDLETIME', '1000');
	t.is(d.db.idleSeconds(d.db.findKey(latin1ToBytes('twice'))), 1000);
	d.db.access.policy = 'lfu';
	d.run('restore', 'often', '0', dumped, 'FREQ', '77');
	t.is(d.db.frequency(d.db.findKey(latin1ToBytes('often'))), 77);
});
