export default {
	files: ['build/test/**/*.test.js'],
	// Two files at a time: tests boot clusters, and a machine of CI has two cores.
	concurrency: 2,
	// Without a result from any test: files that run real servers under load are slow where the machine is.
	timeout: '180s',
};
