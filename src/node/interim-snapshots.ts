/** Stands in until snapshots.ts is there: strings only, in one go. */
import type {Keyspace} from '../data/keyspace.ts';
import {concat, latin1ToBytes} from '../lib/bytes.ts';
import type {Snapshot, SnapshotLoader, SnapshotMaker, SnapshotSink} from './snapshot-port.ts';

export class InterimSnapshots implements SnapshotMaker {
	readonly isBusy = false;
	readonly #databases: readonly Keyspace[];

	constructor(databases: readonly Keyspace[]) {
		this.#databases = databases;
	}

	begin(sink: SnapshotSink): Snapshot {
		const parts: Uint8Array[] = [latin1ToBytes('REDIS0010')];
		const length = (n: number): Uint8Array =>
			n < 64 ? Uint8Array.of(n) : Uint8Array.of(0x80, n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255);
		const text = (bytes: Uint8Array): void => void parts.push(length(bytes.length), bytes.slice());
		for (const [index, db] of this.#databases.entries()) {
			if (db.size === 0) continue;
			parts.push(Uint8Array.of(0xfe), length(index));
			db.forEach((ref) => {
				const at = db.expireAt(ref);
				if (at >= 0) {
					const eight = new Uint8Array(9);
					eight[0] = 0xfc;
					new DataView(eight.buffer).setBigUint64(1, BigInt(at), true);
					parts.push(eight);
				}
				parts.push(Uint8Array.of(0));
				text(db.keyBytes(ref));
				text(db.value(ref));
			});
		}
		parts.push(Uint8Array.of(0xff), new Uint8Array(8));
		const whole = concat(parts);
		let isCancelled = false;
		let at = 0;
		const step = (): void => {
			if (isCancelled) return;
			if (!sink.isBehind) {
				if (at === whole.length) {
					sink.end();
					return;
				}
				sink.chunk(whole.slice(at, at + 65_536));
				at = Math.min(whole.length, at + 65_536);
			}
			setImmediate(step);
		};
		setImmediate(step);
		return {
			cancel: () => {
				isCancelled = true;
			},
		};
	}

	onIdle(run: () => void): void {
		run();
	}
}

export class InterimLoader implements SnapshotLoader {
	isComplete = false;
	#bytes: Uint8Array = new Uint8Array(0);
	#at = 9;
	#db = 0;
	#expireAt = -1;
	readonly #databases: readonly Keyspace[];

	constructor(databases: readonly Keyspace[]) {
		this.#databases = databases;
	}

	push(bytes: Uint8Array): void {
		this.#bytes = concat([this.#bytes.subarray(this.#at > 9 ? this.#at : 0), bytes]);
		if (this.#at > 9) this.#at = 0;
		const start = this.#bytes;
		if (start.length < 9) return;
		while (!this.isComplete) {
			const before = this.#at;
			try {
				this.#item();
			} catch (error) {
				if (!(error instanceof RangeError)) throw error;
				this.#at = before;
				break;
			}
		}
		if (this.#at === 9) this.#at = 9;
	}

	#byte(): number {
		if (this.#at >= this.#bytes.length) throw new RangeError();
		return this.#bytes[this.#at++]!;
	}

	#take(n: number): Uint8Array {
		if (this.#at + n > this.#bytes.length) throw new RangeError();
		this.#at += n;
		return this.#bytes.subarray(this.#at - n, this.#at);
	}

	#length(): number {
		const first = this.#byte();
		if (first < 0x40) return first;
		if (first < 0x80) return ((first & 0x3f) << 8) | this.#byte();
		if (first === 0x80) return new DataView(this.#take(4).slice().buffer).getUint32(0);
		return -(first & 0x3f) - 1;
	}

	#string(): Uint8Array {
		const length = this.#length();
		if (length >= 0) return this.#take(length);
		const view = (n: number): DataView => new DataView(this.#take(n).slice().buffer);
		if (length === -1) return latin1ToBytes(String(view(1).getInt8(0)));
		if (length === -2) return latin1ToBytes(String(view(2).getInt16(0, true)));
		if (length === -3) return latin1ToBytes(String(view(4).getInt32(0, true)));
		const from = this.#length();
		const to = this.#length();
		const packed = this.#take(from);
		const out = new Uint8Array(to);
		let o = 0;
		for (let i = 0; i < packed.length; ) {
			const control = packed[i++]!;
			if (control < 32) {
				out.set(packed.subarray(i, i + control + 1), o);
				i += control + 1;
				o += control + 1;
			} else {
				let run = control >> 5;
				if (run === 7) run += packed[i++]!;
				let back = o - ((control & 31) << 8) - packed[i++]! - 1;
				for (run += 2; run > 0; run--) out[o++] = out[back++]!;
			}
		}
		return out;
	}

	#item(): void {
		const type = this.#byte();
		if (type === 0xfa) {
			this.#string();
			this.#string();
		} else if (type === 0xf5) this.#string();
		else if (type === 0xfb) {
			this.#length();
			this.#length();
		} else if (type === 0xfe) this.#db = this.#length();
		else if (type === 0xfc) this.#expireAt = Number(new DataView(this.#take(8).slice().buffer).getBigUint64(0, true));
		else if (type === 0xff) {
			this.#take(8);
			this.isComplete = true;
		} else if (type === 0) {
			const key = this.#string().slice();
			const value = this.#string().slice();
			this.#databases[this.#db]!.setStringOwned(key, value, false, this.#expireAt);
			this.#expireAt = -1;
		} else throw new Error(`type ${type}`);
	}
}
