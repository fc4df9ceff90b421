/** Why a node could not start, as a person should read it. */
import {LaunchError} from './errors.ts';
import type {NodeHandle, StartFailure} from './node-handle.ts';

/** A node could not listen. Its own class, because with ports of the system's choice it is worth another try. */
export class PortInUse extends LaunchError {}

/** Between finding a free port and listening on it somebody else may take it: so often another one is tried. */
export const FREE_PORT_ATTEMPTS = 5;

/**
 * What the machine refused is told with a remedy; `elsewhere` is the one for a port that cannot be had. Anything else, such as files that the node does not accept, the node has
 * put into words itself: file, place and what to do.
 */
export function startError(node: NodeHandle, failure: StartFailure, elsewhere: string): LaunchError {
	const {host, port, directory} = node.start;
	const {code, message} = failure;
	switch (code) {
		case 'EADDRINUSE':
			return new PortInUse(
				`port ${failure.port ?? port}${isOfBus(node, failure) ? ` (the cluster bus of node ${port})` : ''} is in use on ${host}; stop what listens there, or ${elsewhere}`,
			);
		case 'EACCES':
			return new LaunchError(
				`port ${port} needs rights that this user does not have, or ${directory} is not readable (${message}); ports over 1023 need none`,
			);
		case 'EADDRNOTAVAIL':
			return new LaunchError(`${host} is no address of this machine; name another with --bind`);
		default:
			return new LaunchError(`node ${port} cannot start: ${message}`);
	}
}

const isOfBus = (node: NodeHandle, {port}: StartFailure): boolean =>
	port !== undefined && port !== node.start.port;

/** The machine's refusals: they have nothing to do with the node's files, and a cluster of them is no cluster. */
const OF_THE_MACHINE = new Set(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL']);

/** Whether the node found fault with what it has on disk, or broke on it. */
export const isOfItsFiles = (node: NodeHandle): boolean =>
	node.failure === null ? node.phase === 'crashed' : !OF_THE_MACHINE.has(node.failure.code);
