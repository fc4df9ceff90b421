/** A keyspace that is obviously right: a Map. The model against which the real one is tested. */

import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {regionOf} from '../../src/lib/region.ts';
import {keySlot} from '../../src/slots/key-slot.ts';
import {STRING, type Keyspace} from '../../src/data/keyspace.ts';

export interface ModelEntry {
	/** A string's bytes, one character a byte; or the object. */
	value: string | object;
	/** -1 without. */
	expireAt: number;
}

export class KeyspaceModel {
	readonly entries = new Map<string, ModelEntry>();
	now = 0;

	/** The live entry; an expired one is removed as a look-up does. */
	find(key: string): ModelEntry | undefined {
		const entry = this.entries.get(key);
		if (entry !== undefined && entry.expireAt >= 0 && this.now > entry.expireAt) {
			this.entries.delete(key);
			return undefined;
		}
		return entry;
	}

	removeExpired(): void {
		for (const key of this.entries.keys()) {
			this.find(key);
		}
	}
}

/** `setString` with text, one character a byte. */
export function setText(
	keyspace: Keyspace,
	key: string,
	value: string,
	keepTtl = false,
	expireAt = -1,
): number {
	const bytes = latin1ToBytes(key);
	const region = regionOf(bytes);
	const from = regionOf(latin1ToBytes(`..${value}`));
	return keyspace.setString(
		keySlot(bytes),
		region,
		0,
		bytes.length,
		from,
		2,
		value.length,
		keepTtl,
		expireAt,
	);
}

export function findText(keyspace: Keyspace, key: string): number {
	return keyspace.findKey(latin1ToBytes(key));
}

/** What the keyspace holds, in the model's form. */
export function contents(keyspace: Keyspace): Map<string, ModelEntry> {
	const found = new Map<string, ModelEntry>();
	keyspace.forEach((ref) => {
		const value =
			keyspace.type(ref) === STRING ? latin1(keyspace.value(ref)) : (keyspace.object(ref) as object);
		found.set(latin1(keyspace.keyBytes(ref)), {value, expireAt: keyspace.expireAt(ref)});
	});
	return found;
}
