/**
 * How bus messages travel between threads: a batch of frames is
 *
 *     [ length u32le | msgpack bytes ] [ length u32le | msgpack bytes ] ...
 *
 * What arrives is not trusted: a frame that is no message is null, and what comes behind it is still read.
 */
import {Packr} from 'msgpackr';
import type {BusMessage} from '../cluster/messages.ts';
import {readBusMessage} from '../cluster/read-message.ts';

const LENGTH_BYTES = 4;

/** Plain maps: a frame can be read without any other frame. */
const packr = new Packr({useRecords: false});

/** The frame alone, without its length; the bytes are the caller's. */
export const encodeFrame = (message: BusMessage): Uint8Array => packr.pack(message);

/** Null for anything that is not a message. */
export function decodeFrame(bytes: Uint8Array): BusMessage | null {
	try {
		return readBusMessage(packr.unpack(bytes));
	} catch {
		return null;
	}
}

/** Bytes that a frame takes in a batch. */
export const framedLength = (frame: Uint8Array): number => LENGTH_BYTES + frame.length;

/** One buffer of its own for all frames, ready to be transferred. */
export function joinFrames(frames: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
	let length = 0;
	for (const frame of frames) length += framedLength(frame);
	const batch = new Uint8Array(length);
	const view = new DataView(batch.buffer);
	let at = 0;
	for (const frame of frames) {
		view.setUint32(at, frame.length, true);
		batch.set(frame, at + LENGTH_BYTES);
		at += framedLength(frame);
	}
	return batch;
}

/** Views of the frames of a batch; what is cut off at its end is given as null, once. */
export function* splitFrames(batch: Uint8Array): Generator<Uint8Array | null> {
	const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
	let at = 0;
	while (at < batch.length) {
		const start = at + LENGTH_BYTES;
		const end = start <= batch.length ? start + view.getUint32(at, true) : Infinity;
		if (end > batch.length) {
			yield null;
			return;
		}
		yield batch.subarray(start, end);
		at = end;
	}
}
