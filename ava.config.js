export default {
	files: ['build/test/**/*.test.js'],
	// Two files at a time: tests boot clusters, and a machine of CI has two cores.
	concurrency: 2,
	timeout: '60s',
};
