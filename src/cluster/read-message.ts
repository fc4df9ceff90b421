/**
 * The border of the bus: what a frame decoded to becomes a message or is refused. Nothing behind it checks again.
 */

import {SLOT_BITMAP_BYTES} from '../slots/slot-bitmap.ts';
import type {BusMessage, GossipEntry, Header} from './messages.ts';
import {isNodeId} from './node-id.ts';

/** More entries than any cluster has nodes. */
const MAX_GOSSIP_ENTRIES = 10_000;
/** As long as a hostname may be. */
const MAX_NAME_LENGTH = 255;

type Fields = Readonly<Record<string, unknown>>;

/** The message, or null when the value is none (a peer's error: drop it and count it). */
export function readBusMessage(value: unknown): BusMessage | null {
	if (!isFields(value) || !isHeader(value['header'])) return null;
	const {type} = value;
	if (typeof type !== 'string' || !Object.hasOwn(BODY_CHECKS, type)) return null;
	return BODY_CHECKS[type as BusMessage['type']](value) ? (value as unknown as BusMessage) : null;
}

/** What a message has beside its header. A type without its check is a compile error. */
const BODY_CHECKS: {readonly [T in BusMessage['type']]: (message: Fields) => boolean} = {
	ping: hasGossip,
	pong: hasGossip,
	meet: hasGossip,
	fail: (message) => isNodeId(message['about']),
	update: (message) =>
		isNodeId(message['node']) && isCount(message['configEpoch']) && isSlotBitmap(message['slots']),
	'auth-req': (message) => isBoolean(message['isForced']),
	'auth-ack': () => true,
	mfstart: () => true,
	publish: isPublished,
	publishshard: isPublished,
};

/** A missing property is a compile error: each of a header's fields has its check. */
const HEADER_CHECKS: {readonly [F in keyof Header]: (value: unknown) => boolean} = {
	sender: isNodeId,
	sequence: isCount,
	flags: isCount,
	currentEpoch: isCount,
	configEpoch: isCount,
	replicationOffset: isCount,
	slots: isSlotBitmap,
	primary: isNodeIdOrNull,
	host: isName,
	port: isPort,
	busPort: isPort,
	hostname: isName,
	shardId: isNodeId,
	ok: isBoolean,
	pausedFor: isNodeIdOrNull,
};

const GOSSIP_CHECKS: {readonly [F in keyof GossipEntry]: (value: unknown) => boolean} = {
	node: isNodeId,
	host: isName,
	port: isPort,
	busPort: isPort,
	flags: isCount,
	pingSentAt: isCount,
	pongReceivedAt: isCount,
};

const HEADER_FIELDS = Object.entries(HEADER_CHECKS);
const GOSSIP_FIELDS = Object.entries(GOSSIP_CHECKS);

function isHeader(value: unknown): boolean {
	return isFields(value) && HEADER_FIELDS.every(([field, isValid]) => isValid(value[field]));
}

function hasGossip({gossip}: Fields): boolean {
	return Array.isArray(gossip) && gossip.length <= MAX_GOSSIP_ENTRIES && gossip.every(isGossipEntry);
}

function isPublished({channel, message}: Fields): boolean {
	return channel instanceof Uint8Array && message instanceof Uint8Array;
}

function isGossipEntry(value: unknown): boolean {
	return isFields(value) && GOSSIP_FIELDS.every(([field, isValid]) => isValid(value[field]));
}

function isFields(value: unknown): value is Fields {
	return typeof value === 'object' && value !== null;
}

function isSlotBitmap(value: unknown): boolean {
	return value instanceof Uint8Array && value.length === SLOT_BITMAP_BYTES;
}

function isNodeIdOrNull(value: unknown): boolean {
	return value === null || isNodeId(value);
}

function isBoolean(value: unknown): boolean {
	return typeof value === 'boolean';
}

function isCount(value: unknown): boolean {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isPort(value: unknown): boolean {
	return isCount(value) && (value as number) <= 65_535;
}

/** An address or a hostname: what goes into lines of text must not end them. */
function isName(value: unknown): boolean {
	return typeof value === 'string' && value.length <= MAX_NAME_LENGTH && !/[\s,\0]/.test(value);
}
