import {request} from 'node:http';
import {createServer} from 'node:net';
import test, {type ExecutionContext} from 'ava';
import type {NodeAct} from '../../src/launcher/acts.ts';
import {ControlClient} from '../../src/launcher/control-client.ts';
import {ControlServer} from '../../src/launcher/control-server.ts';
import {readControl, type ControlAddress} from '../../src/launcher/data-dir.ts';
import {LaunchError, UsageError} from '../../src/launcher/errors.ts';
import {findFreePorts} from '../../src/launcher/free-ports.ts';
import type {JobConsole} from '../../src/launcher/manager-thread.ts';
import type {ClusterWishes} from '../../src/launcher/settings.ts';
import {launchScripted} from './helpers/scratch.ts';

async function controlled(t: ExecutionContext, wishes: ClusterWishes = {}) {
	const {launcher} = await launchScripted(t, {shards: 1, ...wishes});
	const server = await ControlServer.open(launcher);
	t.teardown(() => server.close());
	return {launcher, server, client: new ControlClient(server.address)};
}

/** Hears everything and answers every question alike. */
class Listener implements JobConsole {
	heard = '';
	readonly #answer: string | null;

	constructor(answer: string | null = null) {
		this.#answer = answer;
	}

	output(text: string): void {
		this.heard += text;
	}

	ask(question: string): Promise<string | null> {
		this.heard += question;
		return Promise.resolve(this.#answer);
	}

	progress(done: number, total: number, what: string): void {
		this.heard += `${what} ${done}/${total}\n`;
	}
}

function statusOf(
	address: ControlAddress,
	headers: Record<string, string>,
	path = '/status',
	method = 'GET',
): Promise<number | undefined> {
	return new Promise((resolve, reject) => {
		request({host: address.host, port: address.port, path, method, headers, agent: false}, (response) => {
			response.resume();
			resolve(response.statusCode);
		})
			.once('error', reject)
			.end();
	});
}

test('the address in the data directory leads to the status', async (t) => {
	const {launcher, server} = await controlled(t);
	const address = readControl(launcher.dataDir.path);
	t.deepEqual(address, server.address);
	const told = await new ControlClient(address ?? server.address).status();
	t.deepEqual({...told, uptimeSeconds: 0}, {...launcher.status(), uptimeSeconds: 0});
});

test('without the secret, with a wrong one, and under a foreign name nothing is told', async (t) => {
	const {server} = await controlled(t);
	const authorization = `Bearer ${server.address.secret}`;
	t.is(await statusOf(server.address, {}), 401);
	t.is(await statusOf(server.address, {authorization: 'Bearer wrong'}), 401);
	t.is(await statusOf(server.address, {authorization, host: 'evil.example'}), 401);
	t.is(await statusOf(server.address, {authorization}), 200);
	t.is(await statusOf(server.address, {authorization}, '/nothing'), 404);
	t.is(await statusOf(server.address, {authorization}, '/trib', 'POST'), 400);
});

test('a stop is over when the nodes are gone', async (t) => {
	const {launcher, client} = await controlled(t);
	await client.stop('a test');
	t.is(launcher.nodes[0]?.phase, 'stopped');
	t.is(launcher.nodes[0]?.cause, 'a test');
	t.is(readControl(launcher.dataDir.path), null);
});

test('a job of the manager talks through the endpoint and can ask', async (t) => {
	const {launcher, client} = await controlled(t);
	const {host = '', port = 0} = launcher.nodes[0]?.start ?? {};
	for (const [answer, exitCode] of [
		['yes', 0],
		['no', 1],
		[null, 1],
	] as const) {
		const listener = new Listener(answer);
		const outcome = await client.run({command: 'check', options: {node: {host, port}}}, listener);
		t.deepEqual(outcome, {exitCode, report: null});
		t.is(listener.heard, `sure? you said ${answer}\n`);
	}
});

test('the password of the cluster is given to its own nodes and to no others', async (t) => {
	const {launcher, client} = await controlled(t, {password: 'secret'});
	const {host = '', port = 0} = launcher.nodes[0]?.start ?? {};
	const own = new Listener();
	await client.run({command: 'info', options: {node: {host, port}}}, own);
	t.is(own.heard, 'password secret\nnodes 1/2\n');
	const foreign = new Listener();
	await client.run({command: 'info', options: {node: {host, port: port + 1}}}, foreign);
	t.is(foreign.heard, 'password undefined\nnodes 1/2\n');
});

test('an act on nodes reports on each, and what is refused is told as what it is', async (t) => {
	const {launcher, client} = await controlled(t);
	const [node] = launcher.nodes;
	t.like(await client.act({action: 'kill', targets: ['all']}, 'somebody'), {
		action: 'kill',
		ok: true,
		nodes: [{index: 0, phase: 'killed', cause: 'somebody'}],
	});
	t.like(await client.act({action: 'start', targets: ['0']}, 'somebody'), {nodes: [{phase: 'running'}]});
	await t.throwsAsync(client.act({action: 'start', targets: ['random']}, 'somebody'), {
		instanceOf: UsageError,
		message: 'random: there is no such node that this can be done to',
	});
	await t.throwsAsync(client.act({action: 'dance'} as unknown as NodeAct, 'somebody'), {
		instanceOf: UsageError,
		message: 'action: must be add, start, stop, kill or restart, not "dance"',
	});
	const taken = createServer();
	const [port = 0] = await findFreePorts('127.0.0.1', 1);
	await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
	t.teardown(() => taken.close());
	await t.throwsAsync(client.act({action: 'add', port: port}, 'somebody'), {
		instanceOf: LaunchError,
		message: /is in use/,
	});
	t.is(launcher.nodes.length, 1);
	t.is(launcher.nodes[0]?.start.port, node?.start.port);
});

test('a launcher that is gone is one clear line', async (t) => {
	const {server, client} = await controlled(t);
	await server.close();
	await t.throwsAsync(client.status(), {
		instanceOf: LaunchError,
		message: /^the launcher \(process \d+\) does not answer: /,
	});
});
