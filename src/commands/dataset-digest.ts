/**
 * The digests of DEBUG DIGEST and DEBUG DIGEST-VALUE: equal for equal data, whatever the order of keys, and equal to what
 * redis-server says of the same data. Twenty bytes, of which zeros mean "no data".
 */
import {latin1ToBytes} from '../lib/bytes.ts';
import {sha1} from '../lib/sha1.ts';

const DIGEST_BYTES = 20;
const EXPIRES = latin1ToBytes('!!expire!!');

export interface DigestedValue {
	/** The number of the type: 0 for strings. */
	readonly type: number;
	readonly bytes: Uint8Array;
	readonly isVolatile: boolean;
}

export class Digest {
	readonly bytes = new Uint8Array(DIGEST_BYTES);

	/** Elements whose order does not count. */
	xorHashOf(element: Uint8Array): void {
		const hash = sha1(element);
		for (let i = 0; i < DIGEST_BYTES; i++) this.bytes[i]! ^= hash[i]!;
	}

	/** Elements whose order counts. */
	mix(element: Uint8Array): void {
		this.xorHashOf(element);
		this.bytes.set(sha1(this.bytes));
	}

	mixNumber(number: number): void {
		const bytes = new Uint8Array(4);
		new DataView(bytes.buffer).setUint32(0, number);
		this.mix(bytes);
	}

	mixValue(value: DigestedValue): void {
		this.mixNumber(value.type);
		this.mix(value.bytes);
		if (value.isVolatile) this.xorHashOf(EXPIRES);
	}

	hex(): string {
		return Array.from(this.bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
	}
}
