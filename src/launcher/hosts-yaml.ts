/**
 * The `hosts:` of cluster.yaml: nodes that run elsewhere, each as `host:port` or as a group of keys.
 *
 *     hosts:
 *       - 10.0.0.1:7000
 *       - {host: 10.0.0.2, port: 7000, user: ops, password: secret, tls: {ca: ca.pem}}
 */
import * as path from 'node:path';
import {isMap, isScalar, isSeq, type YAMLMap} from 'yaml';
import {nearest} from './nearest.ts';
import {shown, type HostSettings, type HostTls} from './settings.ts';

/** What the reader of the file gives: places for messages, and the directory that paths are relative to. */
export interface HostsContext {
	complain(offset: number, key: string, what: string): void;
	entries(map: YAMLMap, path: string): Iterable<[key: string, value: unknown, offset: number]>;
	offsetOf(node: unknown): number;
	readonly directory: string;
}

const HOST_KEYS = ['host', 'port', 'user', 'password', 'tls'];
const TLS_KEYS = ['ca', 'cert', 'key', 'rejectUnauthorized'];

/** What is wrong is complained of and left out. */
export function readHosts(node: unknown, offset: number, context: HostsContext): HostSettings[] {
	if (!isSeq(node) || node.items.length === 0) {
		context.complain(offset, 'hosts', 'must be a list of nodes, such as "- 127.0.0.1:7000"');
		return [];
	}
	const hosts: HostSettings[] = [];
	const seen = new Set<string>();
	for (const [i, item] of node.items.entries()) {
		const at = context.offsetOf(item);
		const name = `hosts[${i}]`;
		const host = isMap(item) ? readHost(item, name, at, context) : readAddress(item, name, at, context);
		if (host === null) continue;
		const address = `${host.host}:${host.port}`;
		if (seen.has(address)) context.complain(at, name, `${address} is there twice; delete one`);
		seen.add(address);
		hosts.push(host);
	}
	return hosts;
}

function readAddress(
	node: unknown,
	name: string,
	offset: number,
	context: HostsContext,
): HostSettings | null {
	const value = isScalar(node) ? node.value : undefined;
	const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^\s]+)):(\d{1,5})$/.exec(String(value)) ?? [];
	const [host, port] = [bracketed ?? plain, Number(digits)];
	if (typeof value === 'string' && host !== undefined && isPort(port)) return {host, port};
	context.complain(
		offset,
		name,
		`must be host:port, or a group with host and port, not ${isScalar(node) ? shown(value) : 'a list'}`,
	);
	return null;
}

function readHost(map: YAMLMap, name: string, offset: number, context: HostsContext): HostSettings | null {
	const found: {-readonly [key in keyof HostSettings]?: HostSettings[key]} = {};
	let isGood = true;
	const refuse = (at: number, key: string, what: string): void => {
		isGood = false;
		context.complain(at, `${name}.${key}`, what);
	};
	for (const [key, node, at] of context.entries(map, `${name}.`)) {
		const value = isScalar(node) ? node.value : undefined;
		switch (key) {
			case 'host':
			case 'user':
			case 'password':
				if (typeof value === 'string' && value !== '') found[key] = value;
				else refuse(at, key, 'must be text that is not empty; put a number in quotes');
				break;
			case 'port':
				if (isPort(value)) found.port = value;
				else refuse(at, key, `must be a port from 1 to 65535, not ${shown(value ?? null)}`);
				break;
			case 'tls': {
				const tls = readTls(node, value, at, `${name}.tls`, context);
				if (tls === null) isGood = false;
				else if (tls !== false) found.tls = tls;
				break;
			}
			default:
				refuse(
					at,
					key,
					`is no key of a host${nearest(key, HOST_KEYS) || `; the keys are ${HOST_KEYS.join(', ')}`}`,
				);
		}
	}
	const {host, port} = found;
	if (host === undefined && isGood) refuse(offset, 'host', 'is missing; write the address of the node');
	else if (port === undefined && isGood) refuse(offset, 'port', 'is missing; write the port of the node');
	if (found.user !== undefined && found.password === undefined && isGood)
		refuse(offset, 'password', 'is missing: a user has one');
	return isGood && host !== undefined && port !== undefined ? {...found, host, port} : null;
}

/** False: without TLS. Null: it is wrong. */
function readTls(
	node: unknown,
	value: unknown,
	offset: number,
	name: string,
	context: HostsContext,
): HostTls | false | null {
	if (value === false) return false;
	if (value === true) return {};
	if (!isMap(node)) {
		context.complain(offset, name, 'must be true, false, or a group of ca, cert, key and rejectUnauthorized');
		return null;
	}
	const tls: {-readonly [key in keyof HostTls]?: HostTls[key]} = {};
	let isGood = true;
	for (const [key, inner, at] of context.entries(node, `${name}.`)) {
		const text = isScalar(inner) ? inner.value : undefined;
		if (key === 'rejectUnauthorized' && typeof text === 'boolean') tls.rejectUnauthorized = text;
		else if ((key === 'ca' || key === 'cert' || key === 'key') && typeof text === 'string' && text !== '')
			tls[key] = path.resolve(context.directory, text);
		else {
			isGood = false;
			const what = TLS_KEYS.includes(key)
				? `must be ${key === 'rejectUnauthorized' ? 'true or false' : 'the name of a file'}`
				: `is no key of tls${nearest(key, TLS_KEYS) || `; the keys are ${TLS_KEYS.join(', ')}`}`;
			context.complain(at, `${name}.${key}`, what);
		}
	}
	if (isGood && (tls.cert === undefined) !== (tls.key === undefined)) {
		context.complain(offset, name, 'cert and key belong together: write both or none');
		return null;
	}
	return isGood ? tls : null;
}

const isPort = (value: unknown): value is number =>
	typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535;
