// A suite whose extension host dies: the control that must fail (test/extension/run.mjs).
exports.run = () => process.abort();
