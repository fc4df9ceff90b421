/** Which transport a node uses; see docs/decisions for why. */
import type {TransportChoice} from '../launcher/messages.ts';
import {handleTransport, selfCheck} from './handle-transport.ts';
import {socketTransport} from './socket-transport.ts';
import type {Transport} from './transport.ts';

/** Where the acceptance kit (test/node/transport.test.ts) passes: there a node need not spend its start on a check. */
const PROVEN_MAJORS: ReadonlySet<string> = new Set(['20', '22', '24', '26']);

/** `auto` takes the fast one where it is proven, by the kit or now by its self-check. */
export async function chooseTransport(choice: TransportChoice): Promise<Transport> {
	if (choice === 'socket') return socketTransport;
	const fast = handleTransport();
	if (fast === null) return socketTransport;
	const isTrusted =
		choice === 'handle' || PROVEN_MAJORS.has(process.versions.node.split('.')[0]!) || (await selfCheck());
	return isTrusted ? fast : socketTransport;
}
