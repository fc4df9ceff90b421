/** From a key to its slot: what every command of a cluster pays first. Run: node build/bench/slots.js */

import {Bench} from 'tinybench';
import {toBytes} from '../src/lib/bytes.ts';
import {crc16} from '../src/slots/crc16.ts';
import {keySlot} from '../src/slots/key-slot.ts';
import {SlotBitmap} from '../src/slots/slot-bitmap.ts';
import {slotRanges} from '../src/slots/slot-ranges.ts';

/** Operations a run: tinybench times runs, and one operation is shorter than its clock. */
const RUN = 1000;

const plain = Array.from({length: 64}, (_, i) => toBytes(`key:${String(i).padStart(12, '0')}`));
const tagged = Array.from({length: 64}, (_, i) => toBytes(`{user:${i}}:following`));
const long = Array.from({length: 64}, (_, i) => toBytes(String(i).padStart(200, 'x')));
const bitmap = SlotBitmap.ofRanges([
	[0, 5460],
	[7000, 7000],
	[9000, 12_000],
]);
let sink = 0;

const bench = new Bench({time: 500});
for (const [name, keys] of Object.entries({'16 bytes': plain, 'hash tag': tagged, '200 bytes': long})) {
	bench.add(`keySlot, ${name}`, () => {
		for (let i = 0; i < RUN; i++) {
			sink ^= keySlot(keys[i & 63]!);
		}
	});
}
bench.add('crc16 alone, 16 bytes', () => {
	for (let i = 0; i < RUN; i++) {
		sink ^= crc16(plain[i & 63]!);
	}
});
bench.add('SlotBitmap.has', () => {
	for (let i = 0; i < RUN; i++) {
		sink ^= bitmap.has((i * 7) & 16383) ? 1 : 0;
	}
});
await bench.run();

console.table(
	bench.tasks.map((task) => ({
		name: task.name,
		'ns median': task.result.state === 'completed' ? ((task.result.latency.p50 * 1e6) / RUN).toFixed(1) : '',
	})),
);
const started = performance.now();
const runs = slotRanges(bitmap).length;
console.log(
	`slotRanges of ${bitmap.count} slots (${runs} runs): ${((performance.now() - started) * 1000).toFixed(0)} us`,
);
console.log(`(${sink & 1})`);
