/** Says a line to a scripted node and hears its answer. */
import {connect} from 'node:net';

/** Rejects when the node closes the connection without an answer, as one does that dies of the line. */
export function tellNode(host: string, port: number, line: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const socket = connect(port, host, () => socket.write(`${line}\n`));
		socket.setEncoding('utf8').once('data', (text: string) => {
			socket.destroy();
			resolve(text.trim());
		});
		socket.once('error', reject);
		socket.once('close', () => reject(new Error('the node closed the connection')));
	});
}
