import test from 'ava';
import {parseClusterFile} from '../../src/launcher/cluster-yaml.ts';
import {UsageError} from '../../src/launcher/errors.ts';
import {settle} from '../../src/launcher/settings.ts';

const complaint = (text: string): string | undefined => {
	try {
		const file = parseClusterFile(text, 'here/c.yaml');
		settle([file.wishes], (field) => file.where(field) ?? field);
		return undefined;
	} catch (error) {
		if (!(error instanceof UsageError)) throw error;
		return error.message;
	}
};

test('hosts are addresses or groups of keys, and files are relative to cluster.yaml', (t) => {
	const {wishes} = parseClusterFile(
		`
password: all
hosts:
  - 10.0.0.1:7000
  - "[::1]:7001"
  - host: redis.example
    port: 7002
    user: ops
    password: own
    tls: {ca: ca.pem, cert: /c/cert.pem, key: key.pem, rejectUnauthorized: false}
  - {host: h, port: 1, tls: true}
  - {host: h, port: 2, tls: false}
`,
		'/etc/shoal/cluster.yaml',
	);
	t.deepEqual(settle([wishes], (field) => field).hosts, [
		{host: '10.0.0.1', port: 7000},
		{host: '::1', port: 7001},
		{
			host: 'redis.example',
			port: 7002,
			user: 'ops',
			password: 'own',
			tls: {
				ca: '/etc/shoal/ca.pem',
				cert: '/c/cert.pem',
				key: '/etc/shoal/key.pem',
				rejectUnauthorized: false,
			},
		},
		{host: 'h', port: 1, tls: {}},
		{host: 'h', port: 2},
	]);
});

for (const [text, wanted] of [
	['hosts: x', 'here/c.yaml:1: hosts: must be a list of nodes, such as "- 127.0.0.1:7000"'],
	['hosts: []', 'here/c.yaml:1: hosts: must be a list of nodes, such as "- 127.0.0.1:7000"'],
	['hosts:\n  - 7000', 'here/c.yaml:2: hosts[0]: must be host:port, or a group with host and port, not 7000'],
	['hosts:\n  - h:0', 'here/c.yaml:2: hosts[0]: must be host:port, or a group with host and port, not "h:0"'],
	['hosts:\n  - h:1\n  - h:1', 'here/c.yaml:3: hosts[1]: h:1 is there twice; delete one'],
	['hosts:\n  - port: 1', 'here/c.yaml:2: hosts[0].host: is missing; write the address of the node'],
	['hosts:\n  - host: h', 'here/c.yaml:2: hosts[0].port: is missing; write the port of the node'],
	['hosts:\n  - {host: h, port: x}', 'here/c.yaml:2: hosts[0].port: must be a port from 1 to 65535, not "x"'],
	[
		'hosts:\n  - host: h\n    port: 1\n    pasword: x',
		'here/c.yaml:4: hosts[0].pasword: is no key of a host; did you mean "password"?',
	],
	['hosts:\n  - {host: h, port: 1, user: u}', 'here/c.yaml:2: hosts[0].password: is missing: a user has one'],
	[
		'hosts:\n  - {host: h, port: 1, tls: yes please}',
		'here/c.yaml:2: hosts[0].tls: must be true, false, or a group of ca, cert, key and rejectUnauthorized',
	],
	[
		'hosts:\n  - host: h\n    port: 1\n    tls:\n      cacert: x',
		'here/c.yaml:5: hosts[0].tls.cacert: is no key of tls; did you mean "cert"?',
	],
	[
		'hosts:\n  - {host: h, port: 1, tls: {cert: x}}',
		'here/c.yaml:2: hosts[0].tls: cert and key belong together: write both or none',
	],
	[
		'shards: 3\nhosts: [a:1]\nbasePort: 7000',
		'here/c.yaml:1: shards: cannot stand beside hosts: these nodes run elsewhere; delete one of both\n' +
			'here/c.yaml:3: basePort: cannot stand beside hosts: these nodes run elsewhere; delete one of both',
	],
] as const) {
	test(`a mistake is told with its line and key: ${JSON.stringify(text)}`, (t) => {
		t.is(complaint(text), wanted);
	});
}
