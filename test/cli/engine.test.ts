/** The command line with a real server as the engine, and with hosts: real processes on all sides. */
import {execFileSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {scratchDirectory} from '../launcher/helpers/scratch.ts';
import {freePort, startRedisCluster} from '../helpers/redis-server.ts';
import {REAL, runShoal, startShoal, type Running} from './helpers/run-shoal.ts';

const shoal = (cwd: string, line: string, input = '') => runShoal(cwd, line.split(' '), input, REAL);

test.serial('up, status, chaos, trib and down with nodes of redis-server', async (t) => {
	const cwd = scratchDirectory(t);
	writeFileSync(
		join(cwd, 'cluster.yaml'),
		'engine: redis-server\nshards: 3\nbasePort: 0\npassword: secret\nconfig:\n  maxmemory: 50mb\n',
	);
	const up = startShoal(cwd, ['up'], REAL);
	t.teardown(() => up.child.kill('SIGTERM'));
	t.regex(
		await up.firstLine,
		/^Cluster ready: 3 nodes of redis-server \d+\.\d+\.\d+, 16384 slots covered, 127\.0\.0\.1:/,
	);
	const status = await shoal(cwd, 'status');
	t.is(status.code, 0);
	t.regex(status.stdout, /^shoal: ok, 16384 slots covered, .*, nodes of redis-server 7/);
	const check = await shoal(cwd, 'trib check');
	t.is(check.code, 0, check.stderr);
	t.true(check.stdout.includes('[OK] All 16384 slots covered.'));
	t.regex((await shoal(cwd, 'trib jobs')).stdout, /^ {2}1 {2}check {2}done {2}exit code 0 {2}\d+ s\n$/);
	const followed = await shoal(cwd, 'trib follow 1');
	t.deepEqual([followed.code, followed.stdout], [0, check.stdout]);
	t.regex((await shoal(cwd, 'trib cancel 1')).stderr, /^shoal: job 1 has ended: it is done/);

	t.regex((await shoal(cwd, 'chaos kill 1')).stdout, /^Node 127\.0\.0\.1:\d+ is killed: [0-9a-f]{40}\n$/);
	t.is((await shoal(cwd, 'status')).code, 1);
	t.regex((await shoal(cwd, 'node list')).stdout, /\n {2}1 {2}.* {2}killed {2}shoal chaos kill\n/);
	t.regex((await shoal(cwd, 'chaos start 1')).stdout, /runs again/);
	t.regex((await shoal(cwd, 'node stop 2')).stdout, /is stopped/);
	t.regex((await shoal(cwd, 'node start 2')).stdout, /runs again/);
	const down = await shoal(cwd, 'down');
	t.deepEqual(down, {code: 0, stdout: 'Cluster stopped\n', stderr: ''});
	t.is(await up.ended, 0);
});

/** Resolves when the text has been printed. */
function printed({child, output}: Running, text: string): Promise<void> {
	return new Promise((resolve) => {
		const look = (): void => {
			if (!output.stdout.includes(text)) return;
			child.stdout.off('data', look);
			resolve();
		};
		child.stdout.on('data', look);
		look();
	});
}

test.serial('Ctrl-C asks whether a job goes on without the terminal or is cancelled', async (t) => {
	const cwd = scratchDirectory(t);
	const up = startShoal(cwd, 'up --no-create --base-port 0'.split(' '), REAL);
	t.teardown(() => up.child.kill('SIGTERM'));
	t.regex(await up.firstLine, /^Listening: 3 empty nodes/);
	for (const [id, answer, outcome] of [
		[
			1,
			'd',
			/^Job 1 goes on without this terminal; shoal trib follow 1 looks on, shoal trib cancel 1 ends it\.\n$/,
		],
		[2, 'c', /^Nobody is there to answer: nothing was changed/],
	] as const) {
		const job = startShoal(cwd, ['trib', 'create'], REAL);
		await printed(job, "(type 'yes' to accept): ");
		job.child.kill('SIGINT');
		await printed(job, `Job ${id} is under way.`);
		job.child.stdin.write(`${answer}\n`);
		t.is(await job.ended, answer === 'd' ? 3 : 1);
		t.regex(job.output.stderr, outcome);
	}
	// Its question found nobody.
	const {code, stderr} = await shoal(cwd, 'trib follow 1');
	t.deepEqual([code, stderr], [1, 'Nobody is there to answer: nothing was changed. Give --yes to accept.\n']);
	t.regex(
		(await shoal(cwd, 'trib jobs')).stdout,
		/ 1 {2}create {2}done {2}exit code 1 .*\n {2}2 {2}create {2}cancelled/,
	);
	await shoal(cwd, 'down');
});

test.serial('a server that is not installed is exit code 1, with a remedy', async (t) => {
	const {code, stderr} = await shoal(scratchDirectory(t), 'up --engine /nowhere/redis-server');
	t.is(code, 1);
	t.is(stderr, 'shoal: engine: /nowhere/redis-server: there is no such program, or it may not be executed\n');
});

test.serial(
	'hosts are created, checked and shown from the file alone, and never started or stopped',
	async (t) => {
		const cwd = scratchDirectory(t);
		await using servers = await startRedisCluster(3, {password: 'secret'});
		const list = servers.addresses.map((address) => `  - ${address}\n`).join('');
		writeFileSync(join(cwd, 'cluster.yaml'), `name: elsewhere\npassword: secret\nhosts:\n${list}`);

		const before = await shoal(cwd, 'up');
		t.is(before.code, 1);
		t.regex(
			before.stdout,
			/^Nothing is started: .*\nelsewhere: NOT ok, 0 slots covered, 3 hosts\n(?:.*alone\n){3}They know nobody: shoal trib create/,
		);
		const created = await shoal(cwd, 'trib create --yes');
		t.is(created.code, 0, created.stdout + created.stderr);
		await servers.nodes[0]!.kill();
		// Asked is one that answers.
		t.regex((await shoal(cwd, 'trib check')).stdout, /Performing Cluster Check/);
		const status = await shoal(cwd, 'status');
		t.is(status.code, 1);
		t.regex(status.stdout, /\n {2}\?{40} {2}127\.0\.0\.1:\d+ {2}unreachable {2}Connection refused\n/);
		for (const command of ['down', 'chaos kill 0', 'node list']) {
			const {code, stderr} = await shoal(cwd, command);
			t.is(code, 1);
			t.regex(stderr, /^shoal: the nodes of cluster\.yaml are hosts: they run elsewhere/);
		}
	},
);

/** A certificate of its own authority for 127.0.0.1. */
function makeCertificates(directory: string): void {
	const run = (line: string): void =>
		void execFileSync('openssl', line.split(' '), {cwd: directory, stdio: 'ignore'});
	run('req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca');
	run('req -newkey rsa:2048 -nodes -keyout node.key -out node.csr -subj /CN=node');
	writeFileSync(join(directory, 'san'), 'subjectAltName=IP:127.0.0.1\n');
	run('x509 -req -in node.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out node.pem');
}

async function tlsHosts(t: ExecutionContext, cwd: string, tls: string): Promise<string> {
	makeCertificates(cwd);
	const of = (file: string): string => join(cwd, file);
	// The plain port is where the helper sees that they are ready; the nodes name their TLS ports to each other.
	const servers = await startRedisCluster(3, {
		args: [
			'--tls-cert-file',
			of('node.pem'),
			'--tls-key-file',
			of('node.key'),
			'--tls-ca-cert-file',
			of('ca.pem'),
			'--tls-auth-clients',
			'yes',
		],
	});
	t.teardown(() => servers.stop());
	const hosts: string[] = [];
	for (const {host, port} of servers.nodes) {
		const tlsPort = String(await freePort());
		execFileSync('redis-cli', ['-h', host, '-p', String(port), 'CONFIG', 'SET', 'tls-port', tlsPort]);
		hosts.push(`  - {host: ${host}, port: ${tlsPort}, tls: ${tls}}\n`);
	}
	return `hosts:\n${hosts.join('')}`;
}

test.serial(
	'hosts are reached over TLS, with a certificate of our own, and with none they are not',
	async (t) => {
		const cwd = scratchDirectory(t);
		const file = await tlsHosts(t, cwd, '{ca: ca.pem, cert: node.pem, key: node.key}');
		writeFileSync(join(cwd, 'tls.yaml'), file);
		const status = await shoal(cwd, 'status tls.yaml');
		t.regex(status.stdout, /^shoal: NOT ok, 0 slots covered, 3 hosts\n(?:.* {2}alone\n){3}/);
		const info = await shoal(cwd, 'trib --file tls.yaml create --dry-run');
		t.is(info.code, 0, info.stdout + info.stderr);
		t.true(info.stdout.includes('Master[0] -> Slots 0 - 5460'));

		writeFileSync(join(cwd, 'strange.yaml'), file.replaceAll('ca: ca.pem, ', ''));
		t.regex(
			(await shoal(cwd, 'status strange.yaml')).stdout,
			/unreachable {2}(?:self-signed certificate|unable to )/,
		);
		writeFileSync(join(cwd, 'any.yaml'), file.replaceAll('ca: ca.pem', 'rejectUnauthorized: false'));
		t.regex((await shoal(cwd, 'status any.yaml')).stdout, /(?:.* {2}alone\n){3}/);
		writeFileSync(join(cwd, 'missing.yaml'), file.replaceAll('ca.pem', 'nowhere.pem'));
		const missing = await shoal(cwd, 'status missing.yaml');
		t.is(missing.code, 2);
		t.regex(missing.stderr, /^shoal: hosts: tls\.ca: .*nowhere\.pem cannot be read: /);
	},
);
