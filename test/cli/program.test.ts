import {readFileSync} from 'node:fs';
import test from 'ava';
import {version} from '../../src/launcher/version.ts';
import {scratchDirectory} from '../launcher/helpers/scratch.ts';
import {runShoal} from './helpers/run-shoal.ts';

test('the version is that of the package', async (t) => {
	const {version: wanted} = JSON.parse(readFileSync('package.json', 'utf8')) as {version: string};
	t.is(version, wanted);
	t.deepEqual(await runShoal(scratchDirectory(t), ['--version']), {
		code: 0,
		stdout: `${wanted}\n`,
		stderr: '',
	});
});

test('help is no mistake', async (t) => {
	const {code, stdout} = await runShoal(scratchDirectory(t), ['up', '--help']);
	t.is(code, 0);
	t.regex(stdout, /--base-port <port>/);
});

for (const [args, message] of [
	[['up', '--shard', '3'], "shoal: unknown option '--shard'\n(Did you mean --shards?)\n"],
	[['upp'], "shoal: unknown command 'upp'\n(Did you mean up?)\n"],
	[['up', '--shards', 'x'], 'shoal: --shards: must be a whole number from 1 to 256, not "x"\n'],
	[['up', '--replicas', '6'], 'shoal: --replicas: must be a whole number from 0 to 5, not 6\n'],
	[
		['up', '--base-port', '55534'],
		'shoal: --base-port: port 55536 leaves no room for its bus port 65536 (the highest is 65535); write 55533 or less for 3 nodes\n',
	],
	[
		['up', '--config', 'maxmemory'],
		'shoal: --config maxmemory: must be directive=value, such as --config maxmemory=100mb\n',
	],
	[
		['up', '--config', 'maxmemry=1'],
		'shoal: --config maxmemry: is no directive of redis.conf; did you mean "maxmemory"?\n',
	],
	[
		['up', 'missing.yaml'],
		'shoal: missing.yaml: there is no such file; name another, or leave it out for the defaults\n',
	],
	[['chaos', 'kill'], "shoal: missing required argument 'target'\n"],
	[
		['chaos', 'restart', '0', '--after', 'soon'],
		"shoal: option '--after <time>' argument 'soon' is invalid. A time is wanted, such as 500ms, 2s or 1m.\n",
	],
	[
		['node', 'start', '0', '--port', '7006'],
		'shoal: --port is for a new node; name nodes to start again, or a port\n',
	],
	[['trib', 'check'], 'no cluster runs here; name a node as host:port\n'],
	[
		['trib', 'check', 'nowhere'],
		'[ERR] Invalid arguments: you need to pass either a valid address (ie. 120.0.0.1:7000) or space separated IP and port (ie. 120.0.0.1 7000)\n',
	],
] as const) {
	test(`wrong usage is exit code 2: ${args.join(' ')}`, async (t) => {
		t.deepEqual(await runShoal(scratchDirectory(t), args), {code: 2, stdout: '', stderr: message});
	});
}

for (const command of ['status', 'down', 'node list', 'node start', 'chaos kill 0']) {
	test(`${command} without a cluster is exit code 1`, async (t) => {
		t.deepEqual(await runShoal(scratchDirectory(t), command.split(' ')), {
			code: 1,
			stdout: '',
			stderr:
				'shoal: no cluster runs on data directory .shoal; start one with shoal up, or name another with --data-dir\n',
		});
	});
}
