/**
 * Reads the payloads of DUMP, which hold a single value. RdbWriter writes them.
 *
 *   | type | value | version, 2 bytes | CRC64, 8 bytes |     both with the lowest byte first
 */

import {Crc64} from '../lib/crc64.ts';
import {regionOf} from '../lib/region.ts';
import {CHECKSUM_BYTES, DUMP_FOOTER_BYTES, RDB_VERSION, RdbError, STRING_VALUE} from './rdb-format.ts';
import {RdbInput, RdbString} from './rdb-input.ts';

/** Whether the payload is of a version that can be read, and is as it was made. */
export function isIntactDump(payload: Uint8Array): boolean {
	const footer = payload.length - DUMP_FOOTER_BYTES;
	if (footer < 0) return false;
	const version = payload[footer]! | (payload[footer + 1]! << 8);
	if (version > RDB_VERSION) return false;
	const crc = new Crc64();
	const checksumAt = payload.length - CHECKSUM_BYTES;
	crc.update(payload, 0, checksumAt);
	return crc.equals(payload, checksumAt);
}

/**
 * The string in an intact payload; null when it holds none, or what is no value. What follows the value is not looked at,
 * and as in Redis it may reach into the version and the checksum. The string is a part of the payload, or a copy.
 */
export function readDumpedString(payload: Uint8Array): RdbString | null {
	const input = new RdbInput();
	input.region = regionOf(payload);
	input.end = payload.length;
	const value = new RdbString();
	try {
		return input.byte() === STRING_VALUE && input.string(value) ? value : null;
	} catch (error) {
		if (error instanceof RdbError) return null;
		throw error;
	}
}
