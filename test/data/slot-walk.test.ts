/** What hides the keys of slots, and the walk over the keys of some slots. */
import test from 'ava';
import {Keyspace} from '../../src/data/keyspace.ts';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {Prng} from '../../src/lib/prng.ts';
import {regionOf} from '../../src/lib/region.ts';
import {keySlot} from '../../src/slots/key-slot.ts';

const KEY_COUNT = 2000;
/** Few, so that each has many keys. */
const TAGS = Array.from({length: 8}, (_, i) => `{${i}}`);
const slotOf = (text: string): number => keySlot(latin1ToBytes(text));

function filled(): Keyspace {
	const db = new Keyspace({seed: 7});
	for (let i = 0; i < KEY_COUNT; i++) set(db, `${TAGS[i % TAGS.length]}${i}`, `v${i}`);
	return db;
}

function set(db: Keyspace, key: string, value: string): void {
	db.setStringOwned(latin1ToBytes(key), latin1ToBytes(value), false);
}

function keysOf(db: Keyspace): Set<string> {
	const keys = new Set<string>();
	let cursor = 0;
	do {
		cursor = db.scan(cursor, 10, (ref) => keys.add(latin1(db.keyBytes(ref))));
	} while (cursor !== 0);
	return keys;
}

test('keys of a hidden slot are in no count and no walk; by name they are there', (t) => {
	const db = filled();
	const slot = slotOf(TAGS[3]!);
	const perTag = KEY_COUNT / TAGS.length;
	db.hideSlots([slot]);
	t.is(db.size, KEY_COUNT - perTag);
	t.is(db.storedCount, KEY_COUNT);
	t.is(db.slotCount(slot), 0);
	t.is(db.storedSlotCount(slot), perTag);
	t.deepEqual(db.slotKeys(slot, 10), []);
	t.is(db.storedSlotKeys(slot, 10).length, 10);
	const keys = keysOf(db);
	t.is(keys.size, KEY_COUNT - perTag);
	t.false([...keys].some((key) => key.startsWith(TAGS[3]!)));
	let visited = 0;
	db.forEach(() => visited++);
	t.is(visited, KEY_COUNT - perTag);
	t.not(db.findKey(latin1ToBytes(`${TAGS[3]}3`)), 0);
	db.showSlots([slot]);
	t.is(db.size, KEY_COUNT);
	t.is(keysOf(db).size, KEY_COUNT);
});

test('RANDOMKEY finds the only key that is not hidden among thousands, and none where all are', (t) => {
	const db = filled();
	db.hideSlots(TAGS.map(slotOf));
	t.is(db.randomRef(), 0);
	set(db, 'seen', '1');
	for (let i = 0; i < 20; i++) t.is(latin1(db.keyBytes(db.randomRef())), 'seen');
});

test('keys of a hidden slot do not expire by themselves', (t) => {
	const db = filled();
	const key = latin1ToBytes(`${TAGS[2]}2`);
	db.now = 1000;
	db.setExpireAt(db.findKey(key), 2000);
	db.hideSlots([slotOf(TAGS[2]!)]);
	t.is(db.volatileCount, 0);
	t.is(db.storedVolatileCount, 1);
	db.now = 3000;
	t.is(db.activeExpire(() => false).expired, 0);
	t.is(db.storedCount, KEY_COUNT);
	db.showSlots([slotOf(TAGS[2]!)]);
	t.is(db.activeExpire(() => false).expired, 1);
});

test('a flush forgets what was hidden', (t) => {
	const db = filled();
	db.hideSlots([slotOf(TAGS[0]!)]);
	db.flush();
	t.is(db.hiddenSlots.size, 0);
	set(db, `${TAGS[0]}x`, '1');
	t.is(db.size, 1);
});

/**
 * The taker of a walk in the middle of changes: it applies what the walk takes and, as the export does, each change of a slot
 * that has begun. In the end it has what the keyspace has.
 */
for (const seed of [1, 2, 3, 4, 5]) {
	test(`a walk and the commands on slots that have begun give the slots as they are (seed ${seed})`, (t) => {
		const db = filled();
		const prng = new Prng(seed);
		const tags = TAGS.slice(0, 5);
		const slots = tags.map(slotOf).toSorted((a, b) => a - b);
		const taken = new Map<string, string>();
		const walk = db.beginSlotWalk(slots, (records, ref) => {
			const at = records.keyAt(ref);
			const key = latin1(records.keyRegion(ref).bytes, at, at + records.keyLength(ref));
			const valueAt = records.valueAt(ref);
			const value = latin1(records.valueRegion(ref).bytes, valueAt, valueAt + records.valueLength(ref));
			taken.set(key, value);
		});
		const preserve = (key: string): void => {
			const bytes = latin1ToBytes(key);
			db.preserve(keySlot(bytes), regionOf(bytes), 0, bytes.length);
		};
		const valueOf = (key: string): string | undefined => {
			const ref = db.findKey(latin1ToBytes(key));
			return ref === 0 ? undefined : latin1(db.value(ref));
		};
		/** Depends on two keys, as RENAME, COPY and the STORE commands do. */
		const join = (from: string, to: string): void => {
			preserve(from);
			preserve(to);
			set(db, to, `${valueOf(from) ?? ''}+`);
			if (walk.hasBegun(slotOf(to))) taken.set(to, `${taken.get(from) ?? ''}+`);
		};
		const remove = (key: string): void => {
			preserve(key);
			db.removeKey(latin1ToBytes(key));
			if (walk.hasBegun(slotOf(key))) taken.delete(key);
		};
		for (let isOver = false; !isOver;) {
			isOver = walk.slice(() => true);
			for (let i = 0; i < 5; i++) {
				const tag = TAGS[prng.below(TAGS.length)]!;
				const one = `${tag}${prng.below(KEY_COUNT + 300)}`;
				if (prng.below(3) === 0) remove(one);
				else join(one, `${tag}${prng.below(KEY_COUNT + 300)}`);
			}
		}
		t.true(walk.isComplete);
		db.endSlotWalk(walk);
		const wanted = new Map<string, string>();
		for (const slot of slots)
			for (const key of db.slotKeys(slot, Infinity)) wanted.set(latin1(key), valueOf(latin1(key))!);
		t.deepEqual(
			[...taken].toSorted(([a], [b]) => (a < b ? -1 : 1)),
			[...wanted].toSorted(([a], [b]) => (a < b ? -1 : 1)),
		);
		t.false(db.isWalked);
	});
}

test('a walk over slots of a keyspace that was flushed is over, and not complete', (t) => {
	const db = filled();
	const walk = db.beginSlotWalk([slotOf(TAGS[0]!)], () => undefined);
	db.flush();
	t.true(walk.slice(() => false));
	t.false(walk.isComplete);
	t.false(db.isWalked);
});
