/** Nodes in lines for people: what `shoal status`, `node` and `chaos` print. */
import type {NodePhase, NodeStatus} from '../launcher/events.ts';

/** A node of ours, or one that runs elsewhere and may not be reached. */
export type ShownNode = Omit<NodeStatus, 'phase'> & {readonly phase: NodePhase | 'unreachable'};

/** `<id>  127.0.0.1:7003  running  replica of 127.0.0.1:7000, link up  cluster ok`; `all` are those it may be a replica of. */
export function nodeLine(node: ShownNode, all: readonly ShownNode[]): string {
	const {nodeId, phase} = node;
	const words = [
		nodeId || '?'.repeat(40),
		addressOf(node),
		phase,
		roleOf(node, all),
		phase === 'running' ? opinionOf(node) : reasonOf(node),
	];
	return `  ${words.filter((word) => word !== '').join('  ')}`;
}

export const addressOf = ({host, port}: {readonly host: string; readonly port: number}): string =>
	`${host.includes(':') ? `[${host}]` : host}:${port}`;

function opinionOf({alone, clusterOk}: ShownNode): string {
	if (alone === true) return 'alone';
	return clusterOk ? 'cluster ok' : 'cluster NOT ok';
}

function roleOf({role, linkUp, primaryId}: ShownNode, all: readonly ShownNode[]): string {
	if (role !== 'replica') return role ?? '';
	const primary = all.find(({nodeId}) => nodeId !== '' && nodeId === primaryId);
	const whose = primary === undefined ? (primaryId ?? '') : addressOf(primary);
	return `replica${whose === '' ? '' : ` of ${whose}`}, link ${linkUp === true ? 'up' : 'DOWN'}`;
}

function reasonOf({cause, restartsInMs}: ShownNode): string {
	const reason = cause?.split('\n')[0] ?? '';
	return restartsInMs === undefined ? reason : `${reason}; starts again in ${secondsOf(restartsInMs)}`;
}

/** `0.1 s`, `10 s`. */
export const secondsOf = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
