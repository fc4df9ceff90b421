import test from 'ava';
import {isIpAddress} from '../../src/cluster/ip-address.ts';

for (const text of [
	'127.0.0.1',
	'0.0.0.0',
	'255.255.255.255',
	'::',
	'::1',
	'fe80::1',
	'1:2:3:4:5:6:7:8',
	'::ffff:1.2.3.4',
	'1::8',
]) {
	test(`${text} is an address`, (t) => t.true(isIpAddress(text)));
}

for (const text of [
	'',
	'localhost',
	'1.2.3',
	'1.2.3.256',
	'01.2.3.4',
	'1.2.3.4.5',
	':::',
	'1:2',
	'1::2::3',
	'12345::',
	'1:2:3:4:5:6:7:8:9',
	'::1.2.3.4:1',
	'fe80::1%eth0',
	'1:2:3:4:5:6:7:',
]) {
	test(`"${text}" is no address`, (t) => t.false(isIpAddress(text)));
}
