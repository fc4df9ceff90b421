import test from 'ava';

import {genericCommands} from '../../src/commands/generic.ts';
import {patternSlot} from '../../src/commands/generic-scan.ts';
import type {Services} from '../../src/commands/services.ts';
import type {ObjectValue} from '../../src/commands/value-types.ts';
import {HASH, Keyspace} from '../../src/data/keyspace.ts';
import {toBytes, utf8} from '../../src/lib/bytes.ts';
import {keySlot} from '../../src/slots/key-slot.ts';
import {CommandRunner} from './harness.ts';

const NOW = 1_700_000_000_000;

class Database extends CommandRunner {
	readonly db: Keyspace;
	readonly other: Keyspace;
	/** Keys that were told to have changed, in order. */
	readonly changed: string[] = [];

	constructor(services: Partial<Services> = {}) {
		const hooks = {onModified: (key: Uint8Array) => void this.changed.push(utf8(key))};
		const databases = [new Keyspace({seed: 1, hooks}), new Keyspace({seed: 2, hooks})];
		super({commands: genericCommands, databases, services});
		[this.db, this.other] = databases as [Keyspace, Keyspace];
		for (const database of databases) database.now = NOW;
	}

	/** Sets keys to strings; `key:ms` expires in so many ms from now. */
	set(...keys: readonly string[]): this {
		for (const written of keys) {
			const [key = '', ms] = written.split(':');
			const ref = this.db.setStringOwned(toBytes(key), toBytes(`value of ${key}`), false);
			if (ms !== undefined) this.db.setExpireAt(ref, NOW + Number(ms));
		}
		return this;
	}

	value(key: string, db = this.db): string | null {
		const ref = db.findKey(toBytes(key));
		return ref === 0 ? null : utf8(db.value(ref));
	}

	/** Milliseconds from `NOW`, null without an expiry. */
	ttl(key: string, db = this.db): number | null {
		const at = db.expireAt(db.findKey(toBytes(key)));
		return at === -1 ? null : at - NOW;
	}
}

test('DEL and UNLINK count the keys that were there, each as one change', (t) => {
	for (const name of ['del', 'unlink']) {
		const d = new Database().set('a', 'b', 'c', 'old:5');
		d.db.now = NOW + 6;
		t.is(d.run(name, 'a', 'a', 'nosuch', 'b', 'old'), 2);
		t.is(d.db.dirty, 2);
		t.deepEqual(d.changed, ['a', 'b']);
		t.is(d.db.size, 1);
		t.is(d.run(name, 'nosuch'), 0);
		t.is(d.db.dirty, 2);
	}
});

test('EXISTS counts a key as often as it is named, and hits and misses', (t) => {
	const d = new Database().set('a', 'b');
	t.is(d.run('exists', 'a', 'a', 'nosuch', 'b'), 3);
	t.is(d.db.keyspaceHits, 3);
	t.is(d.db.keyspaceMisses, 1);
});

test('looking at a key is no use of it, TOUCH is', (t) => {
	const d = new Database().set('a');
	const used = (): boolean => d.db.idleSeconds(d.db.findKey(toBytes('a'))) === 0;
	d.db.now = NOW + 100_000;
	for (const words of [
		['exists', 'a'],
		['ttl', 'a'],
		['type', 'a'],
		['object', 'encoding', 'a'],
		['object', 'idletime', 'a'],
	]) {
		d.run(...words);
		t.false(used(), words.join(' '));
	}
	t.is(d.run('object', 'idletime', 'a'), 100);
	t.is(d.run('touch', 'a', 'nosuch'), 1);
	t.true(used());
});

test('an expiry is set by seconds or milliseconds, from now or from 1970', (t) => {
	const cases = [
		[['expire', 'a', '100'], 100_000],
		[['pexpire', 'a', '1500'], 1500],
		[['expireat', 'a', String(NOW / 1000 + 7)], 7000],
		[['pexpireat', 'a', String(NOW + 3)], 3],
		[['expire', 'a', '100', 'nx'], 100_000],
		[['pexpire', 'a', '4398046511104'], 2 ** 42],
		[['pexpire', 'a', '-0'], null],
	] as const;
	for (const [words, expected] of cases) {
		const d = new Database().set('a');
		d.run(...words);
		t.is(d.ttl('a'), expected, words.join(' '));
		t.is(d.db.dirty, expected === null ? 0 : 1);
	}
});

test('a time that is over deletes the key, by the plain form and by the one with options', (t) => {
	for (const words of [
		['expire', 'a', '0'],
		['expire', 'a', '-1'],
		['pexpire', 'a', '-9223372036854775808'],
		['expireat', 'a', '1'],
		['pexpireat', 'a', String(NOW)],
		['expire', 'a', '-1', 'NX'],
	]) {
		const d = new Database().set('a');
		t.is(d.run(...words), 1);
		t.is(d.value('a'), null);
		t.is(d.db.dirty, 1);
		t.deepEqual(d.changed, ['a']);
	}
});

test('while expired keys are another node’s business, a time that is over is set', (t) => {
	const d = new Database().set('a');
	d.db.expiredKeys = 'ignore';
	t.is(d.run('expire', 'a', '-1'), 1);
	t.is(d.ttl('a'), -1000);
	t.is(d.run('pexpireat', 'a', '-5'), 1);
	t.is(d.ttl('a'), -NOW);
});

test('options say when an expiry takes the place of another', (t) => {
	// Of a key without an expiry, of one of 1,000 ms: does PEXPIRE of 500, 1000, 2000 change it?
	const table: Readonly<Record<string, readonly [string, string]>> = {
		'': ['yyy', 'yyy'],
		NX: ['yyy', 'nnn'],
		XX: ['nnn', 'yyy'],
		GT: ['nnn', 'nny'],
		LT: ['yyy', 'ynn'],
		'XX GT': ['nnn', 'nny'],
		'XX LT': ['nnn', 'ynn'],
		'lt xX': ['nnn', 'ynn'],
	};
	for (const [only, expected] of Object.entries(table)) {
		const outcome = ['a', 'a:1000'].map((key) =>
			['500', '1000', '2000']
				.map((ms) => {
					const d = new Database().set(key);
					const reply = d.run('pexpire', 'a', ms, ...only.split(' ').filter((word) => word !== ''));
					t.is(d.db.dirty, reply as number);
					return reply === 1 ? 'y' : 'n';
				})
				.join(''),
		);
		t.deepEqual(outcome, expected, only);
	}
});

test('TTL rounds to the nearest second, and tells no key from no expiry', (t) => {
	const d = new Database().set('a:1499', 'b:1500', 'c');
	t.is(d.run('ttl', 'a'), 1);
	t.is(d.run('ttl', 'b'), 2);
	t.is(d.run('pttl', 'a'), 1499);
	t.is(d.run('ttl', 'c'), -1);
	t.is(d.run('pttl', 'nosuch'), -2);
	t.is(d.run('pexpiretime', 'a'), NOW + 1499);
	t.is(d.run('expiretime', 'a'), NOW / 1000 + 1);
	d.run('pexpireat', 'a', '9223372036854775807');
	t.is(d.run('pexpiretime', 'a'), 2n ** 63n - 1n);
});

test('PERSIST counts as a change only where there was an expiry', (t) => {
	const d = new Database().set('a:1000', 'b');
	t.is(d.run('persist', 'a'), 1);
	t.is(d.run('persist', 'a'), 0);
	t.is(d.run('persist', 'b'), 0);
	t.is(d.run('persist', 'nosuch'), 0);
	t.is(d.db.dirty, 1);
	t.is(d.ttl('a'), null);
});

test('RENAME takes value and expiry along, over what was there', (t) => {
	const d = new Database().set('a:1000', 'b', 'c:5');
	t.is(d.run('rename', 'a', 'b'), 'OK');
	t.is(d.value('b'), 'value of a');
	t.is(d.ttl('b'), 1000);
	t.is(d.value('a'), null);
	t.is(d.db.dirty, 1);
	t.deepEqual(d.changed, ['a', 'b']);
	t.is(d.run('rename', 'b', 'b'), 'OK');
	t.is(d.db.dirty, 1);
	d.db.now = NOW + 6;
	t.is(d.run('renamenx', 'b', 'c'), 1);
	t.is(d.db.dirty, 2);
	t.is(d.raw('rename', 'b', 'x'), '-ERR no such key\r\n');
});

test('COPY leaves the original, and another database gets the same', (t) => {
	const d = new Database().set('a:1000', 'b');
	t.is(d.run('copy', 'a', 'b'), 0);
	t.is(d.run('copy', 'a', 'b', 'replace'), 1);
	t.is(d.value('b'), 'value of a');
	t.is(d.ttl('b'), 1000);
	t.is(d.run('copy', 'a', 'a', 'DB', '1'), 1);
	t.is(d.value('a', d.other), 'value of a');
	t.is(d.ttl('a', d.other), 1000);
	t.is(d.db.dirty, 1);
	t.is(d.other.dirty, 1);
	t.is(d.value('a'), 'value of a');
});

test('a copied object is another object', (t) => {
	const d = new Database();
	const original: ObjectValue = {encoding: 'listpack', clone: () => copy};
	const copy: ObjectValue = {encoding: 'hashtable', clone: () => original};
	d.db.setObject(toBytes('h'), HASH, original, 100);
	t.is(d.run('copy', 'h', 'i'), 1);
	t.is(d.db.object(d.db.findKey(toBytes('i'))), copy);
	t.is(d.run('type', 'i'), 'hash');
	t.is(d.run('object', 'encoding', 'h'), 'listpack');
	t.is(d.run('object', 'encoding', 'i'), 'hashtable');
});

test('MOVE leaves nothing behind, and takes nothing’s place', (t) => {
	const d = new Database().set('a:1000', 'b');
	t.is(d.run('move', 'a', '1'), 1);
	t.is(d.value('a'), null);
	t.is(d.ttl('a', d.other), 1000);
	t.is(d.run('move', 'a', '1'), 0);
	d.set('a');
	t.is(d.run('move', 'a', '1'), 0);
	t.is(d.value('a'), 'value of a');
	t.is(d.db.dirty + d.other.dirty, 1);
});

test('in cluster mode there is no other database (S21)', (t) => {
	const services = {cluster: {}, config: {settings: {databases: 16}}} as unknown as Services;
	const d = new Database(services).set('a');
	t.is(d.raw('move', 'a', '1'), '-ERR MOVE is not allowed in cluster mode\r\n');
	t.is(d.raw('move', 'a', 'x'), '-ERR MOVE is not allowed in cluster mode\r\n');
	t.is(
		d.raw('copy', 'a', 'b', 'DB', '1'),
		'-ERR Copying to another database is not allowed in cluster mode\r\n',
	);
	t.is(
		d.raw('copy', 'a', 'a', 'DB', '15'),
		'-ERR Copying to another database is not allowed in cluster mode\r\n',
	);
	t.is(d.raw('copy', 'a', 'b', 'DB', '16'), '-ERR DB index is out of range\r\n');
	t.is(d.raw('copy', 'a', 'b', 'DB', '-1'), '-ERR DB index is out of range\r\n');
	t.is(d.run('copy', 'a', 'b', 'DB', '0'), 1);
});

/** All keys that a whole SCAN gives, with the number of calls. */
function scanAll(d: Database, ...words: readonly string[]): {keys: string[]; calls: number} {
	const keys: string[] = [];
	let cursor = '0';
	let calls = 0;
	do {
		const [next, found] = d.run('scan', cursor, ...words) as [string, string[]];
		keys.push(...found);
		cursor = next;
		calls++;
	} while (cursor !== '0');
	return {keys: keys.toSorted(), calls};
}

const names = (prefix: string, count: number): string[] =>
	Array.from({length: count}, (_, i) => `${prefix}${String(i).padStart(4, '0')}`);

test('SCAN gives every key once, so many at a time', (t) => {
	const d = new Database().set(...names('k', 1000), ...names('{tag}', 100), 'old:5');
	d.db.now = NOW + 6;
	const all = scanAll(d);
	t.deepEqual(all.keys, [...names('k', 1000), ...names('{tag}', 100)].toSorted());
	t.true(all.calls >= 100);
	t.is(scanAll(d, 'COUNT', '100000').calls, 1);
	t.deepEqual(scanAll(d, 'MATCH', 'k001?').keys, names('k', 20).slice(10));
	t.deepEqual(scanAll(d, 'TYPE', 'string').keys.length, 1100);
	t.deepEqual(scanAll(d, 'TYPE', 'hash').keys, []);
	t.deepEqual(scanAll(d, 'TYPE', 'nosuch').keys, []);
});

test('SCAN of a pattern with a hash tag looks at one slot only (S4)', (t) => {
	const d = new Database().set(...names('k', 1000), ...names('{tag}', 100));
	const tagged = scanAll(d, 'MATCH', '{tag}*', 'COUNT', '10');
	t.deepEqual(tagged.keys, names('{tag}', 100));
	t.true(tagged.calls <= 11);
	t.deepEqual(scanAll(d, 'MATCH', '{tag}000?'), {keys: names('{tag}', 10), calls: 10});
	t.deepEqual(scanAll(d, 'MATCH', '{nosuch}*'), {keys: [], calls: 1});
	t.deepEqual(scanAll(d, 'MATCH', 'k0007', 'COUNT', '100'), {keys: ['k0007'], calls: 1});
	t.true(scanAll(d, 'MATCH', '*{tag}*', 'COUNT', '10').calls > 11);
});

test('a pattern tells a slot where all that it matches has one (S4)', (t) => {
	const slot = (pattern: string): number => patternSlot(toBytes(pattern));
	const abc = keySlot(toBytes('abc'));
	t.is(slot('{abc}*'), abc);
	t.is(slot('x{abc}?'), abc);
	t.is(slot('{abc}[a'), abc);
	t.is(slot('{abc}'), abc);
	t.is(slot('abc'), abc);
	t.is(slot(''), keySlot(toBytes('')));
	t.is(slot('a}{abc}*'), abc);
	t.is(slot('{{abc}*'), keySlot(toBytes('{abc')));
	t.is(slot('{}{abc}'), keySlot(toBytes('{}{abc}')));
	for (const none of [
		'*',
		'*{abc}',
		'{a*c}',
		'{a\\bc}*',
		'{a?c}',
		'[{]abc}',
		'{abc*',
		'{}{abc}*',
		'{}*',
		'a\\bc',
	]) {
		t.is(slot(none), -1, none);
	}
});

test('KEYS gives what matches and has not expired', (t) => {
	const d = new Database().set(...names('k', 3000), ...names('{tag}', 10), 'old:5');
	d.db.now = NOW + 6;
	const keys = (pattern: string): string[] => (d.run('keys', pattern) as string[]).toSorted();
	t.is(keys('*').length, 3010);
	t.deepEqual(keys('k000[0-2]'), names('k', 3));
	t.deepEqual(keys('{tag}*'), names('{tag}', 10));
	t.deepEqual(keys('{tag}0001'), ['{tag}0001']);
	t.deepEqual(keys('old'), []);
	t.deepEqual(keys('nosuch*'), []);
});

test('RANDOMKEY gives some key, or none', (t) => {
	const d = new Database();
	t.is(d.run('randomkey'), null);
	d.set('a', 'b');
	const given = new Set(Array.from({length: 100}, () => d.run('randomkey')));
	t.deepEqual([...given].toSorted(), ['a', 'b']);
});
