/**
 * One database: its keys, their values and when they expire. Speaks in refs: a ref names the record of a key until that
 * key is next changed (a method that may move the record returns the new ref). Strings live in the arena, all other
 * values are objects that the record points to.
 *
 * Reading and writing short strings allocates nothing. Never parses or prints a protocol, never reads a clock: the
 * caller sets `now`. No method counts itself as a change: what is one logical change is known to the command, which
 * calls `modified` or `modifiedKey`.
 *
 * A key is given as the bytes of a region together with its slot, which the executor knows; the methods that end in
 * `Key` take a key's bytes alone, for callers that are in no hurry.
 */

import {assert} from '../lib/assert.ts';
import {Prng} from '../lib/prng.ts';
import {allocateRegion, regionOf, type Region} from '../lib/region.ts';
import {keySlot} from '../slots/key-slot.ts';
import {AccessClock} from './access-clock.ts';
import {ExpectedKeys} from './expected-keys.ts';
import {hashKey} from './key-hash.ts';
import {END_POSITION, KeyTable, slotPosition} from './key-table.ts';
import {RecordWalk, type TakeRecord} from './record-walk.ts';
import {MAX_INSIDE_VALUE_BYTES, RAW, Records, STRING, VOLATILE, type ValueType} from './records.ts';
import {RefBatch} from './ref-batch.ts';

export {HASH, LIST, STRING, type ValueType} from './records.ts';

export interface KeyspaceHooks {
	/**
	 * Called before an expired key is removed, by a look-up or by `activeExpire`. The bytes are the callee's to keep.
	 * Neither hook may call the keyspace: it stands in the middle of something.
	 */
	onExpired?(key: Uint8Array): void;
	/**
	 * Called by `modified` and (`isGone`) by `modifiedKey`. The bytes are a view, valid until the hook returns. May come and go:
	 * who sets it while there is nothing to hear for costs every write a view.
	 */
	onModified?: ((key: Uint8Array, isGone: boolean) => void) | undefined;
	/** Called before `flush` forgets all keys; it may look at them. */
	onFlush?(): void;
}

export interface KeyspaceOptions {
	readonly hooks?: KeyspaceHooks;
	/** Makes hashes and random choices repeatable, for tests. Without it they are different in every process. */
	readonly seed?: number;
}

/** What a slice of the active expiry found. One object a keyspace, overwritten by the next slice. */
export interface ExpirySlice {
	/** Volatile keys looked at, and how many of them had expired and were removed. */
	examined: number;
	expired: number;
	/** Whether the deadline ended the slice. */
	timedOut: boolean;
}

/** What an entry of the table costs with the room left in leaves, on average: the part of a key's memory beside its record. */
const ENTRY_SHARE_BYTES = 10;
/** Keys looked at between two questions for the deadline: some 10 microseconds of work. */
const EXPIRY_BATCH = 32;
/** When more of a batch than this was expired, there are probably many more: go on. */
const STALE_SHARE = 0.1;
/** Draws of RANDOMKEY that may meet an expired key which must not be removed. */
const RANDOM_TRIES = 100;

export class Keyspace {
	/** Changes since the last save, as INFO's rdb_changes_since_last_save counts them. */
	dirty = 0;
	/** Of `lookup`. Others count nothing. */
	keyspaceHits = 0;
	keyspaceMisses = 0;
	/** Keys removed because they had expired. */
	expiredCount = 0;
	/** Mean time to live of the volatile keys that `activeExpire` met lately; 0 before it met any. */
	avgTtlMs = 0;
	/** Share of the volatile keys that had expired before `activeExpire` reached them, 0 to 1, smoothed. */
	staleShare = 0;
	/**
	 * What becomes of an expired key that is met. `remove`: it goes. `hide`: reads do not find it, but it stays until
	 * it is overwritten or removed, because another decides (a replica waits for its primary's DEL; a paused server
	 * changes nothing). `ignore`: it is a key like all others (while the primary's stream or a file is applied).
	 */
	expiredKeys: 'remove' | 'hide' | 'ignore' = 'remove';
	/** Whether `lookup` leaves the access bits alone (CLIENT NO-TOUCH). */
	noTouch = false;
	readonly access: AccessClock;
	readonly hooks: KeyspaceHooks;

	#records = new Records();
	#table = new KeyTable(this.#records);
	#now = 0;
	/** The walk over the records under way, if any: whoever changes a record lets it take that first. */
	#walk: RecordWalk | null = null;
	/** Position of `activeExpire` in the table. */
	#expiryPosition = 0;
	readonly #slice: ExpirySlice = {examined: 0, expired: 0, timedOut: false};
	readonly #batch = new RefBatch();
	readonly #expected = new ExpectedKeys();
	/** Apart from the other, since the visitor of `scan` may call what needs a batch itself. */
	readonly #scanBatch = new RefBatch();
	readonly #prng: Prng;
	readonly #secret0: number;
	readonly #secret1: number;
	/** Where keys given as plain bytes are put for the methods that want a region. */
	#scratch = allocateRegion(64);

	constructor({hooks = {}, seed}: KeyspaceOptions = {}) {
		const [first = 0, second = 0] = crypto.getRandomValues(new Uint32Array(2));
		this.hooks = hooks;
		this.#prng = new Prng(seed ?? first * 2 ** 20 + (second >>> 12));
		this.#secret0 = seed === undefined ? first : this.#prng.next32();
		this.#secret1 = seed === undefined ? second : this.#prng.next32();
		this.access = new AccessClock(this.#prng);
	}

	/** Unix ms. The caller sets it once a turn; all expiry and access times are told by it. */
	get now(): number {
		return this.#now;
	}

	set now(nowMs: number) {
		this.#now = nowMs;
		this.access.advance(nowMs);
	}

	get size(): number {
		return this.#table.size;
	}

	/** How many keys have an expiry. */
	get volatileCount(): number {
		return this.#table.volatileCount;
	}

	/** Bytes of all keys and values and of the table: the figure that `maxmemory` limits. Falls as soon as a key goes. */
	get usedBytes(): number {
		return this.#records.arena.liveBytes + this.#records.objects.usedBytes + this.#table.overheadBytes;
	}

	/** Bytes of keys, values and the entries of the table: what a copy of the data takes, about. */
	get dataBytes(): number {
		return this.#records.arena.liveBytes + this.#records.objects.usedBytes;
	}

	/** The same with the free blocks of pages in use: the memory that the process really holds for the keys. */
	get heldBytes(): number {
		return this.#records.arena.pageBytes + this.#records.objects.usedBytes + this.#table.overheadBytes;
	}

	// Look-ups

	/**
	 * Announces that the key at this place will be looked up soon: up to EXPECTED_LIMIT, in ascending order of places in one region. The bytes
	 * must stay as they are until `expectNothing`.
	 */
	expect(slot: number, region: Region, at: number, length: number): void {
		const hash = hashKey(region, at, length, this.#secret0, this.#secret1);
		this.#expected.add(slot, hash, region, at, length);
	}

	/** Brings what the announced look-ups will read closer: for all of them at once, so that the waits overlap. */
	prefetch(): void {
		const {slots, hashes, count} = this.#expected;
		this.#table.prefetch(slots, hashes, count);
	}

	/** Forgets what was announced. */
	expectNothing(): void {
		this.#expected.clear();
	}

	/** The ref of a key, or 0. An expired key is removed (or hidden) first. Counts and touches nothing. */
	find(slot: number, region: Region, at: number, length: number): number {
		const ref = this.#findEntry(slot, this.#hash(region, at, length), region, at, length);
		// What #findEntry leaves expired is hidden.
		return ref !== 0 && this.#isExpired(ref) ? 0 : ref;
	}

	/** `find` for a command that reads: counts a hit or a miss and touches the key. */
	lookup(slot: number, region: Region, at: number, length: number): number {
		const ref = this.find(slot, region, at, length);
		if (ref === 0) {
			this.keyspaceMisses++;
			return 0;
		}
		this.keyspaceHits++;
		if (!this.noTouch) {
			this.touch(ref);
		}
		return ref;
	}

	/** `find` for a key given by its bytes alone. */
	findKey(key: Uint8Array): number {
		return this.find(keySlot(key), this.#keyRegion(key), 0, key.length);
	}

	/** `lookup` for a key given by its bytes alone. */
	lookupKey(key: Uint8Array): number {
		return this.lookup(keySlot(key), this.#keyRegion(key), 0, key.length);
	}

	/** Whether there is a record of the key, expired or not. Changes nothing. */
	has(key: Uint8Array): boolean {
		return this.#rawRef(key) !== 0;
	}

	/** Whether the key is there and its time is over. Changes nothing. */
	hasExpired(key: Uint8Array): boolean {
		const ref = this.#rawRef(key);
		return ref !== 0 && this.#records.hasFlag(ref, VOLATILE) && this.#now > this.#records.expireAt(ref);
	}

	#rawRef(key: Uint8Array): number {
		const region = this.#keyRegion(key);
		return this.#table.find(keySlot(key), this.#hash(region, 0, key.length), region, 0, key.length);
	}

	type(ref: number): ValueType {
		return this.#records.type(ref);
	}

	/** A view of the key's bytes, valid until the next change. */
	keyBytes(ref: number): Uint8Array {
		const at = this.#records.keyAt(ref);
		return this.#records.keyRegion(ref).bytes.subarray(at, at + this.#records.keyLength(ref));
	}

	/** Where the key's bytes stand, for replies without a view: all three valid until the next change. */
	keyRegion(ref: number): Region {
		return this.#records.keyRegion(ref);
	}

	keyAt(ref: number): number {
		return this.#records.keyAt(ref);
	}

	keyLength(ref: number): number {
		return this.#records.keyLength(ref);
	}

	slotOf(ref: number): number {
		return keySlot(
			this.#records.keyRegion(ref).bytes,
			this.#records.keyAt(ref),
			this.#records.keyLength(ref),
		);
	}

	// String values

	/**
	 * Sets a key to a string, whatever it was before. Both regions may be any, also that of another record.
	 * @param keepTtl whether an expiry that the key has stays (SET KEEPTTL, and commands that change a value)
	 * @param expireAt unix ms of a new expiry, or -1; counts only without `keepTtl`
	 * @returns the ref
	 */
	setString(
		slot: number,
		keyRegion: Region,
		keyAt: number,
		keyLength: number,
		valueRegion: Region,
		valueAt: number,
		valueLength: number,
		keepTtl: boolean,
		expireAt = -1,
	): number {
		const records = this.#records;
		const hash = this.#hash(keyRegion, keyAt, keyLength);
		const ref = this.#findEntry(slot, hash, keyRegion, keyAt, keyLength);
		if (ref === 0) {
			const at = keepTtl ? -1 : expireAt;
			const created = records.createString(
				keyRegion,
				keyAt,
				keyLength,
				valueRegion,
				valueAt,
				valueLength,
				this.access.initial(),
				at,
			);
			this.#table.insert(slot, hash, created, at < 0 ? 0 : 1);
			return created;
		}
		this.#preserve(ref);
		const bits = this.#renewedBits(ref);
		const isSameExpiry = keepTtl || (expireAt < 0 && !records.hasFlag(ref, VOLATILE));
		if (isSameExpiry && records.overwriteString(ref, valueRegion, valueAt, valueLength, bits)) {
			return ref;
		}
		const at = keepTtl ? records.expireAt(ref) : expireAt;
		const replaced = records.createString(
			keyRegion,
			keyAt,
			keyLength,
			valueRegion,
			valueAt,
			valueLength,
			bits,
			at,
		);
		this.#table.replace(slot, hash, replaced, at < 0 ? 0 : 1);
		records.release(ref);
		return replaced;
	}

	/** The same for a value that is handed over: above 16 KB it is kept as it is, not copied. */
	setStringOwned(key: Uint8Array, value: Uint8Array, keepTtl: boolean, expireAt = -1): number {
		const slot = keySlot(key);
		const region = this.#keyRegion(key);
		if (value.length <= MAX_INSIDE_VALUE_BYTES) {
			const from = regionOf(value);
			return this.setString(slot, region, 0, key.length, from, 0, value.length, keepTtl, expireAt);
		}
		const hash = this.#hash(region, 0, key.length);
		const ref = this.#findEntry(slot, hash, region, 0, key.length);
		const at = this.#expiryOfNext(ref, keepTtl, expireAt);
		const created = this.#records.createLongString(region, 0, key.length, value, this.#renewedBits(ref), at);
		this.#put(slot, hash, ref, created);
		return created;
	}

	/** Writes another string into the record of a string key, expiry kept. Returns its ref, perhaps a new one. */
	replaceString(ref: number, valueRegion: Region, valueAt: number, valueLength: number): number {
		const records = this.#records;
		const bits = this.#renewedBits(ref);
		if (records.overwriteString(ref, valueRegion, valueAt, valueLength, bits)) {
			return ref;
		}
		const replaced = records.createString(
			records.keyRegion(ref),
			records.keyAt(ref),
			records.keyLength(ref),
			valueRegion,
			valueAt,
			valueLength,
			bits,
			records.expireAt(ref),
		);
		this.#exchange(ref, replaced);
		records.release(ref);
		return replaced;
	}

	/** The region in which a string's bytes stand, from `valueAt(ref)` on. Valid until the next change. */
	valueRegion(ref: number): Region {
		return this.#records.valueRegion(ref);
	}

	valueAt(ref: number): number {
		return this.#records.valueAt(ref);
	}

	valueLength(ref: number): number {
		return this.#records.valueLength(ref);
	}

	/** A view of a string's bytes, valid until the next change. */
	value(ref: number): Uint8Array {
		const at = this.#records.valueAt(ref);
		return this.#records.valueRegion(ref).bytes.subarray(at, at + this.#records.valueLength(ref));
	}

	/**
	 * Gives a string another length; what is added is zero. The caller then writes into `valueRegion` of the ref that
	 * comes back, perhaps a new one. Growing a string step by step copies it only now and then.
	 */
	resizeString(ref: number, newLength: number): number {
		const slot = this.slotOf(ref);
		const hash = this.#hashOf(ref);
		const resized = this.#records.resizeString(ref, newLength);
		if (resized !== ref) {
			this.#table.seek(slot, hash, ref);
			this.#table.replace(slot, hash, resized, this.#records.hasFlag(resized, VOLATILE) ? 1 : 0);
		}
		return resized;
	}

	/** Whether the string was written into since it was set: its encoding is then `raw` whatever its length. */
	isRaw(ref: number): boolean {
		return this.#records.hasFlag(ref, RAW);
	}

	setRaw(ref: number): void {
		this.#records.setFlag(ref, RAW, true);
	}

	// Other values

	/** The object of a key that is not a string; what it is, its type tells. */
	object(ref: number): unknown {
		return this.#records.object(ref);
	}

	/**
	 * Sets a key to an object, whatever it was before. Without `keepTtl` the key's expiry goes.
	 * @param bytes the memory to charge the object with; keep it true with `chargeObject`
	 */
	setObject(key: Uint8Array, type: ValueType, object: unknown, bytes: number, keepTtl = false): number {
		const slot = keySlot(key);
		const region = this.#keyRegion(key);
		const hash = this.#hash(region, 0, key.length);
		const ref = this.#findEntry(slot, hash, region, 0, key.length);
		const at = this.#expiryOfNext(ref, keepTtl, -1);
		const bits = this.#renewedBits(ref);
		const created = this.#records.createObject(type, object, bytes, region, 0, key.length, bits, at);
		this.#put(slot, hash, ref, created);
		return created;
	}

	/** Tells that the key's object takes so many bytes more (or, negative, less) than before. */
	chargeObject(ref: number, bytes: number): void {
		this.#records.chargeObject(ref, bytes);
	}

	// Keys

	/** Removes a key; false when it is not there (or had expired). */
	remove(slot: number, region: Region, at: number, length: number): boolean {
		const hash = this.#hash(region, at, length);
		const ref = this.#findEntry(slot, hash, region, at, length);
		if (ref === 0) {
			return false;
		}
		this.#preserve(ref);
		this.#table.remove(slot, hash);
		this.#records.release(ref);
		return true;
	}

	/** `remove` for a key given by its bytes alone. */
	removeKey(key: Uint8Array): boolean {
		return this.remove(keySlot(key), this.#keyRegion(key), 0, key.length);
	}

	/** Removes the key of this record, expired or not. */
	removeRef(ref: number): void {
		this.#preserve(ref);
		this.#takeOut(ref);
		this.#records.release(ref);
	}

	/** Gives the record another key, over what that key had. Value and expiry go along, objects without a copy. */
	rename(ref: number, toKey: Uint8Array): number {
		return this.#moveTo(ref, this, toKey);
	}

	/** Moves the record to another keyspace under the same key, over what that key had there. */
	moveTo(ref: number, target: Keyspace): number {
		return this.#moveTo(ref, target, this.keyBytes(ref));
	}

	/**
	 * Copies the record to a key of this or another keyspace, over what that key had, with its expiry.
	 * @param clone makes the copy of an object; not called for strings
	 */
	copyTo(ref: number, target: Keyspace, toKey: Uint8Array, clone: (object: unknown) => unknown): number {
		const records = this.#records;
		const type = records.type(ref);
		const at = records.expireAt(ref);
		if (type !== STRING) {
			const copy = target.setObject(toKey, type, clone(records.object(ref)), records.objectBytes(ref));
			return at < 0 ? copy : target.setExpireAt(copy, at);
		}
		const isRaw = records.hasFlag(ref, RAW);
		const region = records.valueRegion(ref);
		const length = records.valueLength(ref);
		const slot = keySlot(toKey);
		const keyRegion = target.#keyRegion(toKey);
		const copy = target.setString(
			slot,
			keyRegion,
			0,
			toKey.length,
			region,
			records.valueAt(ref),
			length,
			false,
			at,
		);
		target.#records.setFlag(copy, RAW, isRaw);
		return copy;
	}

	/** Bytes that the key takes: its record, what that points to, its share of the table. */
	bytesOf(ref: number): number {
		return this.#records.bytesOf(ref) + ENTRY_SHARE_BYTES;
	}

	/** Tells that a key was changed, by one logical change or several. */
	modified(ref: number, changes = 1): void {
		this.dirty += changes;
		if (this.hooks.onModified !== undefined) {
			this.hooks.onModified(this.keyBytes(ref), false);
		}
	}

	/** The same for a key that is gone. */
	modifiedKey(key: Uint8Array, changes = 1): void {
		this.dirty += changes;
		this.hooks.onModified?.(key, true);
	}

	// Expiry and access

	/** When the key expires, unix ms; -1 when it does not. */
	expireAt(ref: number): number {
		return this.#records.expireAt(ref);
	}

	/** Sets when the key expires, also in the past. Returns its ref, perhaps a new one. @param atMs unix ms, 0 or more */
	setExpireAt(ref: number, atMs: number): number {
		if (this.#records.hasFlag(ref, VOLATILE)) {
			return this.#records.withExpireAt(ref, atMs);
		}
		return this.#changeExpiry(ref, atMs);
	}

	/** Takes the key's expiry away; false when it has none. */
	persist(ref: number): boolean {
		if (!this.#records.hasFlag(ref, VOLATILE)) {
			return false;
		}
		this.#changeExpiry(ref, -1);
		return true;
	}

	/** Notes that the key was used. */
	touch(ref: number): void {
		const bits = this.#records.accessBits(ref);
		const touched = this.access.touched(bits);
		// Within one second nothing changes: then the record's memory is better left unwritten.
		if (touched !== bits) {
			this.#records.setAccessBits(ref, touched);
		}
	}

	/** Seconds since the key was last used; tells something by the policy `lru` only. */
	idleSeconds(ref: number): number {
		return this.access.idleSeconds(this.#records.accessBits(ref));
	}

	setIdleSeconds(ref: number, seconds: number): void {
		this.#records.setAccessBits(ref, this.access.idleFor(seconds));
	}

	/** The logarithmic counter of uses, 0 to 255; tells something by the policy `lfu` only. */
	frequency(ref: number): number {
		return this.access.frequency(this.#records.accessBits(ref));
	}

	setFrequency(ref: number, counter: number): void {
		this.#records.setAccessBits(ref, this.access.withFrequency(counter));
	}

	/**
	 * Removes expired keys, a slice of the work: goes on where the last slice ended, and stops when it looked at
	 * `leastExamined` keys and few of the last ones were expired, when it has looked at all, or at the deadline.
	 * Does nothing while expired keys are hidden only.
	 * @param isOver asked after every 32 keys
	 */
	activeExpire(isOver: () => boolean, leastExamined = 20): ExpirySlice {
		const slice = this.#slice;
		slice.examined = 0;
		slice.expired = 0;
		slice.timedOut = false;
		const all = this.#table.volatileCount;
		let ttlSum = 0;
		while (this.expiredKeys === 'remove' && this.#table.volatileCount > 0 && slice.examined < all) {
			const batch = this.#batch;
			const next = this.#table.collect(batch, this.#expiryPosition, END_POSITION, EXPIRY_BATCH, true);
			this.#expiryPosition = next === END_POSITION ? 0 : next;
			const expiredBefore = slice.expired;
			for (let i = 0; i < batch.length; i++) {
				const ref = batch.refs[i]!;
				const ttl = this.#records.expireAt(ref) - this.#now;
				if (ttl < 0) {
					this.#expire(ref);
					slice.expired++;
				} else {
					ttlSum += ttl;
				}
			}
			slice.examined += batch.length;
			if (slice.examined >= leastExamined && slice.expired - expiredBefore <= batch.length * STALE_SHARE) {
				break;
			}
			if (isOver()) {
				slice.timedOut = true;
				break;
			}
		}
		this.#noteSlice(slice, ttlSum);
		return slice;
	}

	// Walks

	slotCount(slot: number): number {
		return this.#table.slotCount(slot);
	}

	slotVolatileCount(slot: number): number {
		return this.#table.slotVolatileCount(slot);
	}

	/** Copies of up to `count` keys of the slot, always the same ones first; expired keys are among them. */
	slotKeys(slot: number, count: number): Uint8Array[] {
		const wanted = Math.min(count, this.#table.slotCount(slot));
		const keys: Uint8Array[] = [];
		const end = slotPosition(slot + 1);
		for (let position = slotPosition(slot); position < end && keys.length < wanted;) {
			position = this.#table.collect(this.#batch, position, end, wanted - keys.length, false);
			for (let i = 0; i < this.#batch.length && keys.length < wanted; i++) {
				keys.push(this.keyBytes(this.#batch.refs[i]!).slice());
			}
		}
		return keys;
	}

	/** Removes the keys of a slot, at most `limit` of them: a slot of millions should go in steps. Returns how many. */
	flushSlot(slot: number, limit = Number.POSITIVE_INFINITY): number {
		const count = this.#table.slotCount(slot);
		if (count <= limit) {
			this.#table.forEachInSlot(slot, (ref) => {
				this.#preserve(ref);
				this.#records.release(ref);
			});
			this.#table.clearSlot(slot);
			return count;
		}
		let removed = 0;
		while (removed < limit) {
			const batch = this.#batch;
			this.#table.collect(
				batch,
				slotPosition(slot),
				slotPosition(slot + 1),
				Math.min(limit - removed, 256),
				false,
			);
			for (let i = 0; i < batch.length && removed < limit; i++) {
				this.removeRef(batch.refs[i]!);
				removed++;
			}
		}
		return removed;
	}

	/** Forgets all keys at once, however many: the arena goes as a whole. Returns how many there were. */
	flush(): number {
		const count = this.#table.size;
		if (count > 0) this.hooks.onFlush?.();
		// It goes on over the old ones.
		this.#walk?.detach();
		this.#walk = null;
		this.#records = new Records();
		this.#table = new KeyTable(this.#records);
		this.#expiryPosition = 0;
		this.avgTtlMs = 0;
		return count;
	}

	/**
	 * Visits `count` keys from a cursor on (a few more when hashes collide, fewer at the end or when some had expired).
	 * A key that is there from the call with cursor 0 to the call that returns 0 is visited, whatever happens meanwhile.
	 * @param visit may change or remove the key it is given, but no other
	 * @returns the next cursor, up to 2^45; 0 when the walk is complete
	 */
	scan(cursor: number, count: number, visit: (ref: number) => void): number {
		if (!(cursor >= 0 && cursor < END_POSITION)) {
			return 0;
		}
		const batch = this.#scanBatch;
		const next = this.#table.collect(batch, cursor, END_POSITION, Math.max(1, count), false);
		for (let i = 0; i < batch.length; i++) {
			const ref = batch.refs[i]!;
			if (!this.#isExpired(ref)) {
				visit(ref);
			} else if (this.expiredKeys === 'remove') {
				this.#expire(ref);
			}
		}
		return next === END_POSITION ? 0 : next;
	}

	/** The ref of a key, each equally likely; 0 when there is none. Removes the expired ones that it meets. */
	randomRef(prng: Prng = this.#prng): number {
		let tries = 0;
		while (this.#table.size > 0) {
			const ref = this.#table.randomRef(prng);
			// Among hidden expired keys only, better an expired key than an endless search.
			if (!this.#isExpired(ref) || (this.expiredKeys === 'hide' && ++tries === RANDOM_TRIES)) {
				return ref;
			}
			if (this.expiredKeys === 'remove') {
				this.#expire(ref);
			}
		}
		return 0;
	}

	/** The ref of some key with an expiry, perhaps expired, nearly fair; 0 when there is none. For eviction. */
	randomVolatileRef(prng: Prng = this.#prng): number {
		return this.#table.randomVolatileRef(prng, this.#batch);
	}

	/** Whether a walk over the records is under way: then `preserve` is due before a key is changed. */
	get isWalked(): boolean {
		return this.#walk !== null;
	}

	/**
	 * Begins a walk over all records as they are now; it is the caller's to drive to its end before the next begins.
	 * What replaces or removes a record lets the walk take it first. Who writes into one must `preserve` its key before:
	 * for commands the executor does.
	 * @param take called for each record once, in no order, perhaps within a change: it must not call the keyspace
	 */
	beginWalk(take: TakeRecord): RecordWalk {
		assert(this.#walk === null, 'one walk at a time');
		this.#walk = new RecordWalk(this.#table, this.#records, take, () => {
			this.#walk = null;
		});
		return this.#walk;
	}

	/** Lets the walk under way take the key's record, which is going to be changed. */
	preserve(slot: number, region: Region, at: number, length: number): void {
		if (this.#walk === null) return;
		const ref = this.#table.find(slot, this.#hash(region, at, length), region, at, length);
		if (ref !== 0) this.#walk.preserve(ref);
	}

	/** Visits every record, of expired keys too. The visitor must change nothing. */
	forEachRecord(visit: TakeRecord): void {
		const records = this.#records;
		this.#table.forEach((ref) => {
			visit(records, ref);
		});
	}

	/** Visits every key, expired ones too. The visitor must change nothing. */
	forEach(visit: (ref: number) => void): void {
		this.#table.forEach(visit);
	}

	/** Asserts the invariants of all structures. For tests: slow. */
	check(): void {
		this.#records.arena.check();
		this.#table.check((ref) => this.#hashOf(ref));
	}

	#hash(region: Region, at: number, length: number): number {
		if (this.#expected.count > 0) {
			const hash = this.#expected.hashOf(region, at, length);
			if (hash >= 0) return hash;
		}
		return hashKey(region, at, length, this.#secret0, this.#secret1);
	}

	#preserve(ref: number): void {
		if (this.#walk !== null) this.#walk.preserve(ref);
	}

	#hashOf(ref: number): number {
		const records = this.#records;
		return this.#hash(records.keyRegion(ref), records.keyAt(ref), records.keyLength(ref));
	}

	/**
	 * The record of a key as one that writes meets it: expired ones are removed, those that must stay are found.
	 * After it, the table stands at the key's entry, or where it would be.
	 */
	#findEntry(slot: number, hash: number, region: Region, at: number, length: number): number {
		const ref = this.#table.find(slot, hash, region, at, length);
		if (ref === 0 || this.expiredKeys !== 'remove' || !this.#isExpired(ref)) {
			return ref;
		}
		this.#expire(ref);
		return this.#table.find(slot, hash, region, at, length);
	}

	#isExpired(ref: number): boolean {
		return (
			this.#records.hasFlag(ref, VOLATILE) &&
			this.#now > this.#records.expireAt(ref) &&
			this.expiredKeys !== 'ignore'
		);
	}

	#expire(ref: number): void {
		this.hooks.onExpired?.(this.keyBytes(ref).slice());
		this.expiredCount++;
		this.removeRef(ref);
	}

	/** The access bits of a record that takes the place of this one (0: of none): by `lfu` a key keeps its counter. */
	#renewedBits(ref: number): number {
		return ref === 0 || this.access.policy === 'lru' ? this.access.initial() : this.#records.accessBits(ref);
	}

	#expiryOfNext(ref: number, keepTtl: boolean, expireAt: number): number {
		if (!keepTtl) {
			return expireAt;
		}
		return ref === 0 ? -1 : this.#records.expireAt(ref);
	}

	/** Enters a record at the place where the key was just sought, in place of the one found there, if any. */
	#put(slot: number, hash: number, found: number, ref: number): void {
		const volatile = this.#records.hasFlag(ref, VOLATILE) ? 1 : 0;
		if (found === 0) {
			this.#table.insert(slot, hash, ref, volatile);
		} else {
			this.#preserve(found);
			this.#table.replace(slot, hash, ref, volatile);
			this.#records.release(found);
		}
	}

	/** Puts another record with the same key into the table; the old one is the caller's to release. */
	#exchange(ref: number, replacement: number): void {
		const slot = this.slotOf(ref);
		const hash = this.#hashOf(ref);
		this.#table.seek(slot, hash, ref);
		this.#table.replace(slot, hash, replacement, this.#records.hasFlag(replacement, VOLATILE) ? 1 : 0);
	}

	#takeOut(ref: number): void {
		const slot = this.slotOf(ref);
		const hash = this.#hashOf(ref);
		this.#table.seek(slot, hash, ref);
		this.#table.remove(slot, hash);
	}

	#moveTo(ref: number, target: Keyspace, toKey: Uint8Array): number {
		const slot = keySlot(toKey);
		const region = target.#keyRegion(toKey);
		const hash = target.#hash(region, 0, toKey.length);
		const found = target.#findEntry(slot, hash, region, 0, toKey.length);
		if (found === ref && target === this) {
			return ref;
		}
		this.#preserve(ref);
		const moved = this.#records.moved(ref, target.#records, region, 0, toKey.length);
		target.#put(slot, hash, found, moved);
		this.#takeOut(ref);
		this.#records.releaseMoved(ref, target.#records);
		return moved;
	}

	#changeExpiry(ref: number, atMs: number): number {
		const slot = this.slotOf(ref);
		const hash = this.#hashOf(ref);
		const changed = this.#records.withExpireAt(ref, atMs);
		this.#table.seek(slot, hash, ref);
		this.#table.replace(slot, hash, changed, atMs < 0 ? 0 : 1);
		return changed;
	}

	#noteSlice(slice: ExpirySlice, ttlSum: number): void {
		if (slice.examined === 0) {
			return;
		}
		const alive = slice.examined - slice.expired;
		if (alive > 0) {
			const mean = ttlSum / alive;
			this.avgTtlMs = this.avgTtlMs === 0 ? mean : this.avgTtlMs * 0.98 + mean * 0.02;
		}
		this.staleShare = this.staleShare * 0.95 + (slice.expired / slice.examined) * 0.05;
	}

	/** The key's bytes in a region, until the next such key. */
	#keyRegion(key: Uint8Array): Region {
		if (key.length > this.#scratch.bytes.length) {
			this.#scratch = allocateRegion(key.length * 2);
		}
		this.#scratch.bytes.set(key);
		return this.#scratch;
	}
}
